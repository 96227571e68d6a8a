# shellcheck shell=bash
# A gateway client on another machine: what passes, what is refused, and what the gateway learns of it.

as_ui=(--origin auto --client openclaw-control-ui:webchat)
# The gateway's first frame must be there 750 ms after the 101, or the Control UI signs an empty nonce.
prompt='challenge.atMs - upgrade.atMs < 750'
public_urls='pluginSurfaceUrls.canvas.startsWith("https://'$NAME':")'

for site in new old; do
    suffix=; [ "$site" = old ] && suffix=-2026.7
    try $site "ws-device-token-alone$suffix" device_token_alone $site
    ws $site "ws-largest-frame-passes$suffix" approve --rpc-bytes 26214400 :: connected "$prompt" 'big.ok' "hello.$public_urls"
    ws $site "ws-frame-over-the-limit-1009$suffix" approve --rpc-bytes 26214401 --expect 1009 :: 'close.code === 1009' '!big.ok'
    ws $site "ws-no-device-says-secure-context$suffix" "${as_ui[@]}" --no-device --expect 'secure context' :: \
        'close.code === 1008' 'close.reason === "control ui requires device identity (use HTTPS or localhost secure context)"'
done
ws new ws-any-path-any-query path='/anything//x/../y;z?x=1&y=%2F&y=+' approve :: connected 'rpc.ok'
ws new ws-compression-offer-passes approve --deflate :: connected 'rpc.ok'
try new ws-client-address-cannot-be-forged forged_address
try new ws-unlisted-origin-is-named-in-the-log unlisted_origin

# A device that was approved once needs its own token only.
device_token_alone() {
    local device="$W/out/$SCENARIO.device"
    client ws-connect.mjs "$1" "${as_ui[@]}" approve --device-file "$device" :: connected 'pairing.approved' || return 1
    client ws-connect.mjs "$1" "${as_ui[@]}" token=- --device-file "$device" :: connected 'attempts === 1'
}

# The gateway learns the client's real address, whatever the client says of itself.
forged_address() {
    client ws-connect.mjs new "${as_ui[@]}" --expect 'pairing required' --header 'X-Forwarded-For: 10.1.1.1' --header 'X-Real-IP: 10.1.1.1' \
        --header 'Forwarded: for=10.1.1.1' --header 'X-Forwarded-Host: evil.example.test' --header 'True-Client-IP: 10.1.1.1' :: \
        '!connected' 'close.code === 1008' || return 1
    must 'the gateway did not see the client address' gateway_logged new "forwardedFor=$(client_address) " &&
        must 'the gateway saw the forged address' not gateway_logged new '10\.1\.1\.1|evil\.example\.test'
}

# The gateway's refusal passes, and the operator learns which line would allow the page.
unlisted_origin() {
    client ws-connect.mjs new "${as_ui[@]}" host=unlisted.example.test --expect 'origin not allowed' :: 'close.code === 1008' || return 1
    must 'no hint in the log' until_true 5 logged new "allowedOrigins.*https://unlisted.example.test:${HTTPS[new]}"
}
