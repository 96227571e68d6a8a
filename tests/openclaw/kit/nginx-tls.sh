#!/usr/bin/env bash
# nginx-tls.sh GATEWAY_PORT WORK_DIR [--background] | nginx-tls.sh --stop WORK_DIR
#   a reference reverse proxy (needs: WITH_NGINX=1 setup.sh). Makes a CA + leaf for gw.example.test. Listens on 127.0.0.2:
#   18843 TLS  X-Forwarded-For=$remote_addr (a loopback browser: the gateway must refuse it)
#   18844 TLS  X-Forwarded-For=203.0.113.7  (stands in for a remote browser)   <- the normal one
#   18845 http X-Forwarded-For=203.0.113.7
#   18846 TLS  no X-Forwarded-* at all      (unsafe: the remote browser looks local)
#   18847 TLS  as 18844, Host rewritten to 127.0.0.1:PORT
#   18848 TLS  as 18844, plus X-Forwarded-User: nick@example.com  (trusted-proxy mode)
#   18849 TLS  as 18844, nginx default timeouts (60 s)
set -euo pipefail
if [ "${1:-}" = --stop ]; then P="$(cat "$2/nginx.pid")"; kill -TERM "$P"; for i in $(seq 50); do kill -0 "$P" 2>/dev/null || exit 0; sleep 0.1; done; exit 1; fi
GW="$1"; mkdir -p "$2"; W="$(cd "$2" && pwd)"; mkdir -p "$W/tmp"
if [ ! -s "$W/gw.crt" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=oc kit CA" -keyout "$W/ca.key" -out "$W/ca.crt" -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=gw.example.test" -keyout "$W/gw.key" -out "$W/gw.csr" 2>/dev/null
  openssl x509 -req -in "$W/gw.csr" -CA "$W/ca.crt" -CAkey "$W/ca.key" -CAcreateserial -days 30 -out "$W/gw.crt" -extfile <(printf 'subjectAltName=DNS:gw.example.test,DNS:localhost,IP:127.0.0.1,IP:127.0.0.2\nextendedKeyUsage=serverAuth') 2>/dev/null
fi
TLS="ssl_certificate $W/gw.crt; ssl_certificate_key $W/gw.key;"
LOC='proxy_pass http://127.0.0.1:'$GW'; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_buffering off; client_max_body_size 64m;'
FWD='proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Real-IP ""; proxy_set_header Forwarded "";'
LONG='proxy_read_timeout 86400s; proxy_send_timeout 86400s;'
cat > "$W/nginx.conf" <<C
worker_processes 1; pid $W/nginx.pid; error_log $W/error.log info;
events { worker_connections 512; }
http { access_log $W/access.log; client_body_temp_path $W/tmp/b; proxy_temp_path $W/tmp/p; fastcgi_temp_path $W/tmp/f; uwsgi_temp_path $W/tmp/u; scgi_temp_path $W/tmp/s;
 map \$http_upgrade \$connection_upgrade { default upgrade; '' ''; }
 server { listen 127.0.0.2:18843 ssl; $TLS location / { $LOC $LONG $FWD proxy_set_header X-Forwarded-For \$remote_addr; } }
 server { listen 127.0.0.2:18844 ssl; $TLS location / { $LOC $LONG $FWD proxy_set_header X-Forwarded-For 203.0.113.7; } }
 server { listen 127.0.0.2:18845;          location / { $LOC $LONG $FWD proxy_set_header X-Forwarded-For 203.0.113.7; } }
 server { listen 127.0.0.2:18846 ssl; $TLS location / { $LOC $LONG proxy_set_header Host \$http_host; } }
 server { listen 127.0.0.2:18847 ssl; $TLS location / { $LOC $LONG proxy_set_header Host 127.0.0.1:$GW; proxy_set_header X-Forwarded-Proto \$scheme; proxy_set_header X-Forwarded-Host \$http_host; proxy_set_header X-Forwarded-For 203.0.113.7; } }
 server { listen 127.0.0.2:18848 ssl; $TLS location / { $LOC $LONG $FWD proxy_set_header X-Forwarded-For 203.0.113.7; proxy_set_header X-Forwarded-User nick@example.com; } }
 server { listen 127.0.0.2:18849 ssl; $TLS location / { $LOC $FWD proxy_set_header X-Forwarded-For 203.0.113.7; } }
}
C
nginx -t -q -c "$W/nginx.conf" -e "$W/error.log"
nginx -c "$W/nginx.conf" -e "$W/error.log" -g 'daemon off;' & PID=$!
trap 'kill -TERM $PID 2>/dev/null; wait $PID 2>/dev/null' EXIT INT TERM
for _ in $(seq 50); do [ -s "$W/nginx.pid" ] && (exec 3<>/dev/tcp/127.0.0.2/18844) 2>/dev/null && break; sleep 0.1; done
printf '{"ready":true,"pid":%s,"ca":"%s/ca.crt","host":"gw.example.test","ip":"127.0.0.2"}\n' "$PID" "$W"
if [ "${3:-}" = --background ]; then trap - EXIT INT TERM; disown; exit 0; fi
wait $PID
