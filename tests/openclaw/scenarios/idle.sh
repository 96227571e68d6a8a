# shellcheck shell=bash
# Three minutes in which neither peer says anything but the gateway's own ticks. They begin first and go on beside all
# the rest.

# The gateway pings every 25 s. More than its seven, and a payload, are frontgate's: a leg is pinged after 20 s of silence.
pinged=('pings >= 9' 'pingPayload.length > 0')
quiet=('heldMs >= 180000' 'close.byUs' 'close.code === 1000')

aside ws new idle-socket-stays approve --hold 180 :: connected "${quiet[@]}" "${pinged[@]}"
aside ws old idle-socket-stays-2026.7 approve --hold 180 :: connected "${quiet[@]}"
aside ui new idle-ui-stays approve --hold 180 :: connected 'hold.closesDuring === 0' 'hold.hellos === 1'
