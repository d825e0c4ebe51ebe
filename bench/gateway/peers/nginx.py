"""nginx as a plain reverse proxy: one worker, kept-alive connections on both sides, no log. The floor.

Calls go through a server with nginx's defaults; streams through one with `proxy_buffering off`, as streams need it.
"""

import re
import shutil
import subprocess
from pathlib import Path

from bench.gateway.load import Target
from bench.gateway.peers import Peer, Unfit, free_port

_CONFIG = """
worker_processes 1;
daemon off;
pid {work}/nginx.pid;
error_log {work}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {work}/body;
  proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi;
  scgi_temp_path {work}/scgi;
  upstream llm {{
    server 127.0.0.1:{upstream};
    keepalive 512;
    keepalive_requests 1000000000;
  }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {{
    listen 127.0.0.1:{calls} backlog=1024;
    location / {{ proxy_pass http://llm; }}
  }}
  server {{
    listen 127.0.0.1:{streams} backlog=1024;
    location / {{ proxy_pass http://llm; proxy_buffering off; }}
  }}
}}
"""


class Nginx(Peer):
    name = "nginx"
    what = "plain reverse proxy, one worker: the floor"

    @classmethod
    def install(cls, home: Path) -> None:
        if shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") is None:
            raise Unfit("nginx is not installed; `apt-get install nginx-light` brings it")

    def start(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        self._calls, self._streams = free_port(), free_port()
        config = self.work / "nginx.conf"
        config.write_text(
            _CONFIG.format(work=self.work, upstream=self.site.upstream_port, calls=self._calls, streams=self._streams)
        )
        self.launch([_binary(), "-p", str(self.work), "-c", str(config), "-e", str(self.work / "error.log")])
        self.await_ready(self._calls, "/health")

    def target(self, kind: str) -> Target:
        return Target(self._streams if kind == "stream" else self._calls)

    @property
    def version(self) -> str:
        said = subprocess.run([_binary(), "-v"], capture_output=True, check=True).stderr.decode()
        return re.sub(r".*nginx/", "", said).strip()


def _binary() -> str:
    return shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or "nginx"
