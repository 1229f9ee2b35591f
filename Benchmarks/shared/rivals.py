"""nginx and HAProxy with the gateway's work: the same fields written, the same limit, connections kept on both sides."""

import resource
import subprocess
from pathlib import Path

from house import ProofError, free_ports, takes_connections, wait_for

# What the gateway adds to the answer of an interface (its preset `helmet`; the policy for pages goes to pages alone).
SECURITY_FIELDS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-DNS-Prefetch-Control": "off",
    "X-Download-Options": "noopen",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Permitted-Cross-Domain-Policies": "none",
    "X-XSS-Protection": "0",
}

# What each request carries to the origin beside the client's own fields; the gateway alone also begins a trace.
FORWARDED_FIELDS = ("x-forwarded-for", "x-real-ip", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-request-id")

NGINX = """\
worker_processes {workers};
worker_rlimit_nofile {descriptors};
daemon off;
pid {folder}/nginx-{port}.pid;
error_log {folder}/nginx-{port}-error.log;
events {{ worker_connections {connections}; }}
http {{
    log_format fields escape=json '{{"time":"$time_iso8601","id":"$request_id","client":"$remote_addr","method":"$request_method",'
        '"scheme":"$scheme","host":"$http_host","path":"$uri","protocol":"$server_protocol","status":$status,'
        '"server":"$upstream_addr","bytes_in":$request_length,"bytes_out":$bytes_sent,"connect":"$upstream_connect_time",'
        '"response":"$upstream_header_time","total":$request_time,"sequence":$connection_requests,'
        '"user_agent":"$http_user_agent","referer":"$http_referer"}}';
    access_log {access_log};
    keepalive_timeout 5m;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    limit_req_zone $binary_remote_addr zone=everyone:10m rate={rate};
    limit_req_status 429;
    limit_req_log_level info;
    upstream app {{ server 127.0.0.1:{origin}; keepalive 1000; keepalive_requests 1000000000; keepalive_timeout 5m; }}
    server {{
        listen {address}:{port} backlog=4096{reuseport}{secure};
{tls}
        location / {{
            limit_req zone=everyone{burst} nodelay;
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Request-Id $request_id;
            proxy_hide_header X-Powered-By;
            add_header X-Request-Id $request_id always;
{fields}
{settings}
        }}
    }}
}}
"""

HAPROXY = """\
global
    maxconn {connections}
    no strict-limits
    nbthread {workers}
{log}

defaults
    mode http
    timeout connect 5s
    timeout client 5m
    timeout server 5m
    timeout http-keep-alive 5m
    timeout http-request 10s
    option http-keep-alive
    http-reuse always

frontend clients
    bind {address}:{port} backlog 4096{tls}
{format}
    unique-id-format %[uuid()]
{limit}
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Real-IP %[src]
    http-request set-header X-Forwarded-Proto {scheme}
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header X-Request-Id %[unique-id]
    http-response set-header X-Request-Id %[unique-id]
    http-response del-header Server
    http-response del-header X-Powered-By
{fields}
    default_backend app

backend app
    server one 127.0.0.1:{origin} pool-max-conn -1 pool-purge-delay 5m
"""

# A limit for each address that nobody reaches: what a request costs that is admitted.
NGINX_LIMIT = {"rate": "1000000r/s", "burst": " burst=1000000"}

HAPROXY_LIMIT = """\
    stick-table type ip size 1m expire 1h store http_req_rate(60s)
    http-request track-sc0 src
    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000000 }"""

# TLS 1.3 alone, and HTTP/2 for those who ask for it by ALPN; tickets that the server need not remember.
NGINX_TLS = """\
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        ssl_session_tickets on;"""

HAPROXY_TLS = " ssl crt {both} ssl-min-ver TLSv1.3 alpn h2,http/1.1"

# A line like the gateway's. HAProxy has no buffer for lines: each is a write.
HAPROXY_FORMAT = (
    'log-format \'{"time":"%t","id":"%ID","client":"%ci","method":"%HM","host":"%[capture.req.hdr(0),json(utf8s)]",'
    '"path":"%HPO","protocol":"%HV","status":%ST,"outcome":"%ts","server":"%si:%sp","bytes_in":%U,"bytes_out":%B,'
    '"queue":%Tw,"connect":%Tc,"response":%Tr,"total":%Ta,"user_agent":"%[capture.req.hdr(1),json(utf8s)]",'
    '"referer":"%[capture.req.hdr(2),json(utf8s)]"}\'')

# nginx has eight buffers for an answer unless told otherwise. Sixteen of this size hold 1 MiB whole, so that nothing is ever
# written to its temporary file: its best case, for a megabyte of memory on each connection.
BIG_BUFFERS = """\
            proxy_buffer_size 64k;
            proxy_buffers {count} 64k;
            proxy_busy_buffers_size 128k;"""


def nginx_settings(
        house, port, origin, workers=1, access_log=False, settings="", connections=4096, address="127.0.0.1",
        certificate=None, limit=NGINX_LIMIT):
    # The origin's Server goes in any case; nginx puts its own in its place, and cannot be told not to without a further
    # module.
    fields = "\n".join(f'            add_header {name} "{value}" always;' for name, value in SECURITY_FIELDS.items())
    return NGINX.format(
        folder=house.folder, port=port, origin=origin.port, workers=workers, connections=connections, address=address,
        descriptors=min(connections * 2, descriptors()), reuseport=" reuseport" if workers > 1 else "", fields=fields,
        settings=settings, secure=" ssl http2" if certificate else "", **limit,
        tls=NGINX_TLS.format(certificate=certificate.certificate, key=certificate.key) if certificate else "",
        access_log=f"{house.folder}/nginx-{port}-access.log fields buffer=64k flush=500ms" if access_log else "off")


def nginx(house, origin, **options):
    (port,) = free_ports(1)
    file = house.folder / f"nginx-{port}.conf"
    # nginx drops its rights: its workers must reach their temporary files.
    house.folder.chmod(0o755)
    file.write_text(nginx_settings(house, port, origin, **options))
    return begin(house, "nginx", ["nginx", "-p", house.folder, "-c", file], port)


def haproxy_settings(
        port, origin, workers=1, access_log=False, connections=4096, address="127.0.0.1", certificate=None,
        limit=HAPROXY_LIMIT):
    fields = "\n".join(f'    http-response set-header {name} "{value}"' for name, value in SECURITY_FIELDS.items())
    captures = "\n".join(
        f"    http-request capture req.hdr({name}) len 512" for name in ("Host", "User-Agent", "Referer"))
    return HAPROXY.format(
        port=port, origin=origin.port, workers=workers, connections=connections, fields=fields, address=address,
        limit=limit, tls=HAPROXY_TLS.format(both=certificate.both) if certificate else "", scheme="https" if certificate else "http",
        log="    log stdout format raw local0" if access_log else "",
        format=f"    log global\n{captures}\n    {HAPROXY_FORMAT}" if access_log else "")


def haproxy(house, origin, **options):
    (port,) = free_ports(1)
    file = house.folder / f"haproxy-{port}.cfg"
    file.write_text(haproxy_settings(port, origin, **options))
    return begin(house, "haproxy", ["haproxy", "-db", "-f", file], port)


def descriptors():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def begin(house, name, arguments, port):
    process = house.start(name, arguments)
    wait_for(name, lambda: takes_connections(port) or not process.is_running)
    if not process.is_running:
        raise ProofError(f"{name} does not start: {process.text}")
    process.port = port
    return process


# The origin of comparisons: nginx, so that none of our code stands behind anybody. The small answer is about 300 bytes.
ORIGIN = """\
worker_processes {workers};
daemon off;
pid {folder}/origin.pid;
error_log {folder}/origin-error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    default_type application/octet-stream;
    open_file_cache max=16;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port} backlog=4096{reuseport};
        root {folder}/files;
        add_header X-Powered-By origin always;
        location = / {{
            default_type application/json;
            return 200 '{small}';
        }}
        location = /fields {{
            return 200 '{echo}';
        }}
    }}
}}
"""

SMALL = (
    '{"items":[{"id":"ord_1001","state":"paid","total":4250,"currency":"EUR","lines":3},{"id":"ord_1002","state":"sent",'
    '"total":1999,"currency":"EUR","lines":1},{"id":"ord_1003","state":"open","total":12500,"currency":"EUR","lines":7}],'
    '"next":"ord_1004","more":true,"took_ms":3,"generated":"2026-01-31T12:00:00Z"}')

FILES = {"16k": 16 * 1024, "1m": 1024 * 1024}


def origin(house, workers=1):
    (port,) = free_ports(1)
    folder = house.folder / "files"
    folder.mkdir(exist_ok=True)
    # nginx drops its rights: its workers must be able to read.
    house.folder.chmod(0o755)
    for name, length in FILES.items():
        (folder / name).write_bytes(b"a" * length)
    echo = "\\n".join(f"{name}: $http_{name.replace('-', '_')}" for name in FORWARDED_FIELDS)
    file = house.folder / "origin.conf"
    file.write_text(ORIGIN.format(
        folder=house.folder, port=port, small=SMALL, echo=echo, workers=workers, reuseport=" reuseport" if workers > 1 else ""))
    return begin(house, "origin", ["nginx", "-p", house.folder, "-c", file], port)


def processes(pid):
    """A process and its children, who do the work of some servers."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid] + [int(child) for child in children]


def nanoseconds(pid):
    """Time on a core of all threads of a process and its children."""
    spent = 0
    for each in processes(pid):
        try:
            for task in Path(f"/proc/{each}/task").iterdir():
                spent += int((task / "schedstat").read_text().split()[0])
        except OSError:
            # It has ended meanwhile.
            continue
    return spent


def resident_kib(pid):
    """What is resident of a process and its children; pages that they share are counted once."""
    sizes = []
    for each in processes(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        fields = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        sizes.append((fields["Rss"], fields["Private_Clean"] + fields["Private_Dirty"]))
    sizes.sort()
    return sizes[-1][0] + sum(private for _, private in sizes[:-1]) if sizes else 0
