# Varnish before two instances, purged by group: PURGE_URL=http://varnish:8080/purge
# What it keeps, and why, is in ../caching/varnish.vcl.
vcl 4.1;

import directors;
import xkey;

probe ready {
  .url = "/readyz";
  .interval = 1s;
  .timeout = 2s;
  .window = 2;
  .threshold = 1;
}

backend a {
  .host = "api-a";
  .port = "3000";
  .probe = ready;
}

backend b {
  .host = "api-b";
  .port = "3000";
  .probe = ready;
}

# Where the instances are: nobody else may purge.
acl purgers {
  "172.16.0.0"/12;
  "192.168.0.0"/16;
}

sub vcl_init {
  new instances = directors.round_robin();
  instances.add_backend(a);
  instances.add_backend(b);
}

sub vcl_recv {
  set req.backend_hint = instances.backend();
  if (req.url == "/purge") {
    if (req.method != "POST" || client.ip !~ purgers) {
      return (synth(403));
    }
    xkey.purge(req.http.surrogate-key);
    return (synth(204));
  }
  unset req.http.cookie;
}

sub vcl_backend_response {
  set beresp.grace = 0s;
  set beresp.keep = 1h;
  set beresp.http.xkey = beresp.http.surrogate-key;
}

sub vcl_deliver {
  unset resp.http.xkey;
}
