//! [`Layer`]: what a request passes on its way in, and its answer on its way out.

use http::Response;

use super::exchange::RequestExchange;
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::AccessLine;

/// What a request passes on its way in, and its answer on its way out: one layer and all that are further in. Lists of them are
/// built with [`tower::ServiceBuilder`], the outermost first.
///
/// A layer waits for nothing. What waits stands behind the last one ([`Handle`](super::handle::Handle)): futures that hold each
/// other are moved as a whole whenever one is handed on.
pub trait Layer: Send + Sync + 'static {
    /// Looks at a request.
    ///
    /// # Errors
    /// It goes no further.
    fn enter(&self, exchange: &mut RequestExchange, access: &mut AccessLine) -> Result<(), RequestFailure>;

    /// Looks at an answer, whoever gives it; pages of ours pass all layers too.
    fn leave(&self, exchange: &RequestExchange, answer: &mut Response<AnswerBody>);
}

/// A layer that does `step` on the way in.
pub fn inbound<F, L>(step: F) -> impl tower::Layer<L, Service = Inbound<F, L>>
where
    F: Fn(&mut RequestExchange, &mut AccessLine) -> Result<(), RequestFailure> + Clone,
{
    tower::layer::layer_fn(move |inner| Inbound { step: step.clone(), inner })
}

/// A layer that does `step` on the way out.
pub fn outbound<F, L>(step: F) -> impl tower::Layer<L, Service = Outbound<F, L>>
where
    F: Fn(&RequestExchange, &mut Response<AnswerBody>) + Clone,
{
    tower::layer::layer_fn(move |inner| Outbound { step: step.clone(), inner })
}

/// See [`inbound`].
pub struct Inbound<F, L> {
    step: F,
    inner: L,
}

/// See [`outbound`].
pub struct Outbound<F, L> {
    step: F,
    inner: L,
}

/// What is behind the last layer.
pub struct Innermost;

impl<F, L: Layer> Layer for Inbound<F, L>
where
    F: Fn(&mut RequestExchange, &mut AccessLine) -> Result<(), RequestFailure> + Send + Sync + 'static,
{
    fn enter(&self, exchange: &mut RequestExchange, access: &mut AccessLine) -> Result<(), RequestFailure> {
        (self.step)(exchange, access)?;
        self.inner.enter(exchange, access)
    }

    fn leave(&self, exchange: &RequestExchange, answer: &mut Response<AnswerBody>) {
        self.inner.leave(exchange, answer);
    }
}

impl<F, L: Layer> Layer for Outbound<F, L>
where
    F: Fn(&RequestExchange, &mut Response<AnswerBody>) + Send + Sync + 'static,
{
    fn enter(&self, exchange: &mut RequestExchange, access: &mut AccessLine) -> Result<(), RequestFailure> {
        self.inner.enter(exchange, access)
    }

    fn leave(&self, exchange: &RequestExchange, answer: &mut Response<AnswerBody>) {
        self.inner.leave(exchange, answer);
        (self.step)(exchange, answer);
    }
}

impl Layer for Innermost {
    fn enter(&self, _: &mut RequestExchange, _: &mut AccessLine) -> Result<(), RequestFailure> {
        Ok(())
    }

    fn leave(&self, _: &RequestExchange, _: &mut Response<AnswerBody>) {}
}
