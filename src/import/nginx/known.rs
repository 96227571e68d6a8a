//! What is said of directives that mean the same wherever they stand.

/// What becomes of a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DirectiveDisposition {
    /// frontgate does not need the directive, for this reason.
    NotNeeded(&'static str),
    /// Something is lost; the text says what to do.
    Dropped(&'static str),
}

/// What is said of a directive of this name, unless something was said of it in its place.
pub(super) fn disposition(name: &str) -> DirectiveDisposition {
    if let Some((_, disposition)) = EXACT.iter().find(|(known, _)| *known == name) {
        return *disposition;
    }
    if let Some((_, disposition)) = FAMILIES.iter().find(|(family, _)| name.starts_with(family)) {
        return *disposition;
    }
    Dropped("frontgate does not know this directive: see what it was for")
}

use DirectiveDisposition::{Dropped, NotNeeded};

const PROCESS: DirectiveDisposition =
    NotNeeded("frontgate runs as it is started: one process, as the user of its service");
const CONNECTIONS: DirectiveDisposition = NotNeeded("limits.connections follows the limit on open files");
const STREAMS: DirectiveDisposition = NotNeeded("frontgate passes every byte on at once");
const BUFFERS: DirectiveDisposition = NotNeeded("an idle connection owns no buffer");
const CIPHERS: DirectiveDisposition = NotNeeded("TLS 1.2 and 1.3 with safe ciphers only");
const SESSIONS: DirectiveDisposition = NotNeeded("TLS sessions are resumed with tickets");
const SOCKET: DirectiveDisposition = NotNeeded("frontgate sets its sockets itself");
const LOGS: DirectiveDisposition = NotNeeded("the log goes to standard error; see `log`");
const FILES: DirectiveDisposition = NotNeeded("frontgate serves no files");
/// The report's words for directives that are reported in their place if they have any effect.
pub(super) const NO_EFFECT: DirectiveDisposition = NotNeeded("it concerns nothing that is forwarded");
const CACHE: DirectiveDisposition = Dropped("frontgate caches nothing");
const ERRORS: DirectiveDisposition = Dropped("frontgate has its own error pages and passes those of the gateway");
const RATES: DirectiveDisposition = Dropped(
    "frontgate limits connections (`limits.connections_per_client`) and WebSocket messages (`websocket.max_messages_per_minute`), not requests per second; the gateway locks out clients that guess",
);

const EXACT: &[(&str, DirectiveDisposition)] = &[
    ("user", PROCESS),
    ("pid", PROCESS),
    ("daemon", PROCESS),
    ("master_process", PROCESS),
    ("load_module", NotNeeded("frontgate has no modules")),
    ("env", PROCESS),
    ("lock_file", PROCESS),
    ("pcre_jit", NotNeeded("routes have no regular expressions")),
    ("timer_resolution", PROCESS),
    ("thread_pool", PROCESS),
    ("events", NotNeeded("frontgate waits for events by itself")),
    ("use", NotNeeded("frontgate waits for events by itself")),
    ("multi_accept", NotNeeded("frontgate waits for events by itself")),
    ("accept_mutex", PROCESS),
    ("accept_mutex_delay", PROCESS),
    ("debug_connection", LOGS),
    ("http", NotNeeded("everything is HTTP")),
    ("error_log", LOGS),
    ("log_format", NotNeeded("log.format: text or json")),
    ("access_log", NotNeeded("each request and each WebSocket has a line; log.access: off for none")),
    ("log_not_found", LOGS),
    ("log_subrequest", LOGS),
    ("open_log_file_cache", LOGS),
    ("rewrite_log", LOGS),
    ("sendfile", FILES),
    ("sendfile_max_chunk", FILES),
    ("aio", FILES),
    ("directio", FILES),
    ("output_buffers", BUFFERS),
    ("root", NotNeeded("frontgate serves no files, and no request came to these")),
    ("alias", Dropped("frontgate serves no files")),
    ("index", FILES),
    ("autoindex", FILES),
    ("try_files", Dropped("frontgate serves no files: everything goes to the upstream")),
    ("expires", Dropped("the gateway says itself how long its answers last")),
    ("etag", FILES),
    ("if_modified_since", FILES),
    ("default_type", NotNeeded("types come from the gateway")),
    ("types", NotNeeded("types come from the gateway")),
    ("types_hash_max_size", NotNeeded("types come from the gateway")),
    ("types_hash_bucket_size", NotNeeded("types come from the gateway")),
    ("charset", NotNeeded("types come from the gateway")),
    ("server_tokens", NotNeeded("frontgate does not name its version")),
    ("server_names_hash_bucket_size", NotNeeded("there is no table to size")),
    ("server_names_hash_max_size", NotNeeded("there is no table to size")),
    ("server_name_in_redirect", NotNeeded("frontgate redirects to the host that was asked for")),
    ("port_in_redirect", NotNeeded("frontgate redirects to the port of its https listener")),
    ("absolute_redirect", NotNeeded("a Location is sent as it is written")),
    ("map_hash_bucket_size", NotNeeded("there is no table to size")),
    ("map_hash_max_size", NotNeeded("there is no table to size")),
    ("variables_hash_bucket_size", NotNeeded("there is no table to size")),
    ("variables_hash_max_size", NotNeeded("there is no table to size")),
    ("proxy_headers_hash_bucket_size", NotNeeded("there is no table to size")),
    ("proxy_headers_hash_max_size", NotNeeded("there is no table to size")),
    ("tcp_nodelay", SOCKET),
    ("tcp_nopush", SOCKET),
    ("reset_timedout_connection", SOCKET),
    ("keepalive_requests", NotNeeded("a connection may carry any number of requests")),
    ("keepalive_time", NotNeeded("a connection may carry any number of requests")),
    ("keepalive_disable", NotNeeded("those browsers are gone")),
    ("send_timeout", NotNeeded("timeouts.send is for all clients that take nothing")),
    ("client_body_timeout", NotNeeded("timeouts.read is for all clients that send nothing")),
    ("client_body_buffer_size", BUFFERS),
    ("client_body_temp_path", STREAMS),
    ("client_body_in_file_only", STREAMS),
    ("client_header_buffer_size", BUFFERS),
    ("connection_pool_size", BUFFERS),
    ("request_pool_size", BUFFERS),
    ("underscores_in_headers", NotNeeded("every field passes")),
    ("ignore_invalid_headers", NotNeeded("invalid requests are refused")),
    ("merge_slashes", NotNeeded("the path is forwarded as it came")),
    ("chunked_transfer_encoding", NotNeeded("frontgate frames messages itself")),
    ("postpone_output", STREAMS),
    ("resolver", NotNeeded("names are looked up by the system, again for each connection")),
    ("resolver_timeout", NotNeeded("timeouts.connect includes it")),
    ("http2", NotNeeded("HTTP/2 and HTTP/1.1 are offered to every client")),
    ("http3", Dropped("frontgate speaks HTTP/1.1 and HTTP/2")),
    ("proxy_http_version", NotNeeded("frontgate speaks HTTP/1.1 to the gateway")),
    ("proxy_buffering", STREAMS),
    ("proxy_request_buffering", STREAMS),
    ("proxy_max_temp_file_size", STREAMS),
    ("proxy_temp_file_write_size", STREAMS),
    ("proxy_temp_path", STREAMS),
    ("proxy_next_upstream", NotNeeded("an endpoint that refuses is left alone for a while, and the next is asked")),
    (
        "proxy_next_upstream_tries",
        NotNeeded("an endpoint that refuses is left alone for a while, and the next is asked"),
    ),
    (
        "proxy_next_upstream_timeout",
        NotNeeded("an endpoint that refuses is left alone for a while, and the next is asked"),
    ),
    ("proxy_socket_keepalive", SOCKET),
    ("proxy_pass_request_headers", NotNeeded("fields pass")),
    ("proxy_pass_request_body", NotNeeded("bodies pass")),
    ("proxy_pass_header", NotNeeded("every field of a response passes")),
    ("proxy_ignore_headers", NotNeeded("no field of a response means anything to frontgate")),
    ("proxy_ignore_client_abort", NotNeeded("the gateway is told when a client goes")),
    ("proxy_redirect", NotNeeded("Location passes as the gateway writes it; it knows its public name from Host")),
    ("proxy_intercept_errors", ERRORS),
    ("error_page", ERRORS),
    ("recursive_error_pages", ERRORS),
    ("proxy_bind", Dropped("frontgate connects from the address that the system chooses")),
    ("proxy_method", Dropped("methods pass as they come")),
    ("proxy_set_body", Dropped("bodies pass as they come")),
    ("proxy_store", Dropped("frontgate keeps no copies")),
    ("proxy_limit_rate", Dropped("frontgate slows no client down")),
    ("limit_rate", Dropped("frontgate slows no client down")),
    ("limit_rate_after", Dropped("frontgate slows no client down")),
    ("limit_req", RATES),
    ("limit_req_zone", RATES),
    ("limit_req_status", RATES),
    ("limit_req_log_level", RATES),
    ("limit_req_dry_run", RATES),
    ("limit_conn_zone", NotNeeded("limits.connections_per_client needs no zone")),
    ("limit_conn_status", NotNeeded("frontgate does not accept more connections")),
    ("limit_conn_log_level", LOGS),
    ("real_ip_recursive", NotNeeded("frontgate always takes the right-most address that no trusted proxy has")),
    ("satisfy", NotNeeded("there is only one condition")),
    ("internal", NotNeeded("no client reaches it")),
    ("geo", Dropped("frontgate knows no lists of addresses: use a firewall")),
    ("split_clients", Dropped("frontgate sends all clients to the same upstream")),
    ("mirror", Dropped("frontgate sends a request to one upstream")),
    ("stream", Dropped("frontgate forwards HTTP and WebSockets only")),
    ("mail", Dropped("frontgate forwards HTTP and WebSockets only")),
    ("proxy_pass", NO_EFFECT),
    ("proxy_connect_timeout", NO_EFFECT),
    ("proxy_read_timeout", NO_EFFECT),
    ("proxy_send_timeout", NO_EFFECT),
    ("proxy_hide_header", NO_EFFECT),
    ("client_max_body_size", NO_EFFECT),
    ("add_header", NO_EFFECT),
    ("auth_basic", NO_EFFECT),
    ("auth_basic_user_file", NO_EFFECT),
    ("allow", NO_EFFECT),
    ("deny", NO_EFFECT),
    ("return", NO_EFFECT),
    ("rewrite", NO_EFFECT),
    ("client_header_timeout", NO_EFFECT),
    ("keepalive_timeout", NO_EFFECT),
    ("large_client_header_buffers", NO_EFFECT),
    ("ssl_certificate", NO_EFFECT),
    ("ssl_certificate_key", NO_EFFECT),
    ("ssl_protocols", NO_EFFECT),
    ("ssl_verify_client", NO_EFFECT),
    ("ssl_client_certificate", NO_EFFECT),
    ("set", NotNeeded("no upstream's address is made of it")),
    ("map", NotNeeded("what depends on it says what became of it")),
    ("upstream", NotNeeded("no location forwards to it")),
    ("proxy_cache_bypass", NotNeeded("frontgate caches nothing")),
    ("proxy_no_cache", NotNeeded("frontgate caches nothing")),
    ("ssl_dhparam", CIPHERS),
    (
        "ssl_password_file",
        Dropped("frontgate reads keys without a password: `openssl pkey -in KEY -out PLAIN` removes it"),
    ),
];

const FAMILIES: &[(&str, DirectiveDisposition)] = &[
    ("worker_", CONNECTIONS),
    ("gzip", NotNeeded("answers pass as the gateway sends them")),
    ("brotli", NotNeeded("answers pass as the gateway sends them")),
    ("gunzip", NotNeeded("answers pass as the gateway sends them")),
    ("zstd", NotNeeded("answers pass as the gateway sends them")),
    ("http2_", NotNeeded("HTTP/2 is offered to every client")),
    ("http3_", Dropped("frontgate speaks HTTP/1.1 and HTTP/2")),
    ("quic_", Dropped("frontgate speaks HTTP/1.1 and HTTP/2")),
    ("open_file_cache", FILES),
    ("proxy_buffer", BUFFERS),
    ("proxy_busy_buffers", BUFFERS),
    ("proxy_cache", CACHE),
    ("proxy_cookie_", Dropped("cookies pass as the gateway sets them")),
    ("proxy_ssl_", Dropped("frontgate checks the certificate of an https upstream against the system's CAs")),
    ("ssl_ciphers", CIPHERS),
    ("ssl_prefer_", CIPHERS),
    ("ssl_ecdh_", CIPHERS),
    ("ssl_conf_command", CIPHERS),
    ("ssl_session_", SESSIONS),
    ("ssl_early_data", SESSIONS),
    ("ssl_buffer_size", BUFFERS),
    ("ssl_stapling", NotNeeded("tls.certificate: { ocsp: FILE } staples a response that is kept current for it")),
    ("ssl_trusted_certificate", NotNeeded("it was for checking OCSP responses")),
    ("ssl_verify_depth", NotNeeded("chains are checked to their end")),
    (
        "ssl_crl",
        Dropped(
            "frontgate reads no revocation lists, so revoked certificates pass again. Sign those of clients anew with another CA",
        ),
    ),
    ("ssl_handshake_timeout", NotNeeded("timeouts.tls_handshake")),
    ("sub_filter", Dropped("bodies pass as they come")),
    ("modsecurity", Dropped("frontgate is no web application firewall")),
    ("fastcgi_", Dropped("frontgate forwards HTTP only")),
    ("uwsgi_", Dropped("frontgate forwards HTTP only")),
    ("more_", Dropped("write it as request_headers or response_headers of the route")),
    ("proxy_set_header", NO_EFFECT),
    ("limit_conn", Dropped("set limits.connections_per_client: it counts connections, for all names together")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_directive_is_in_the_list_twice() {
        let mut names: Vec<_> = EXACT.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn an_unknown_directive_is_dropped_aloud() {
        assert!(matches!(disposition("frobnicate"), Dropped(_)));
        assert_eq!(disposition("gzip_types"), disposition("gzip"));
        assert_eq!(disposition("proxy_cache_valid"), CACHE);
    }
}
