//! [`Layer`]: what a request passes on its way in, and its answer on its way out.

use http::Response;

use super::body::Body;
use super::error::Failure;
use super::exchange::Exchange;
use crate::observe::access::Access;

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
    fn enter(&self, exchange: &mut Exchange, access: &mut Access) -> Result<(), Failure>;

    /// Looks at an answer, whoever gives it; pages of ours pass all layers too.
    fn leave(&self, exchange: &Exchange, answer: &mut Response<Body>);
}

/// A layer that does `step` on the way in.
pub fn inbound<F, L>(step: F) -> impl tower::Layer<L, Service = Inbound<F, L>>
where
    F: Fn(&mut Exchange, &mut Access) -> Result<(), Failure> + Clone,
{
    tower::layer::layer_fn(move |inner| Inbound { step: step.clone(), inner })
}

/// A layer that does `step` on the way out.
pub fn outbound<F, L>(step: F) -> impl tower::Layer<L, Service = Outbound<F, L>>
where
    F: Fn(&Exchange, &mut Response<Body>) + Clone,
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
    F: Fn(&mut Exchange, &mut Access) -> Result<(), Failure> + Send + Sync + 'static,
{
    fn enter(&self, exchange: &mut Exchange, access: &mut Access) -> Result<(), Failure> {
        (self.step)(exchange, access)?;
        self.inner.enter(exchange, access)
    }

    fn leave(&self, exchange: &Exchange, answer: &mut Response<Body>) {
        self.inner.leave(exchange, answer);
    }
}

impl<F, L: Layer> Layer for Outbound<F, L>
where
    F: Fn(&Exchange, &mut Response<Body>) + Send + Sync + 'static,
{
    fn enter(&self, exchange: &mut Exchange, access: &mut Access) -> Result<(), Failure> {
        self.inner.enter(exchange, access)
    }

    fn leave(&self, exchange: &Exchange, answer: &mut Response<Body>) {
        self.inner.leave(exchange, answer);
        (self.step)(exchange, answer);
    }
}

impl Layer for Innermost {
    fn enter(&self, _: &mut Exchange, _: &mut Access) -> Result<(), Failure> {
        Ok(())
    }

    fn leave(&self, _: &Exchange, _: &mut Response<Body>) {}
}
