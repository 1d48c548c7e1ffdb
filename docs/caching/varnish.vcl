# Varnish before Dateline, purged by it: PURGE_URL=http://127.0.0.1:8080/purge
# xkey is in the package varnish-modules. Without it, leave out what names it: an answer is then at most
# 10 s old.
vcl 4.1;

import xkey;

backend dateline {
  .host = "127.0.0.1";
  .port = "3000";
}

# Where Dateline runs: nobody else may purge.
acl purgers {
  "127.0.0.1";
}

sub vcl_recv {
  if (req.url == "/purge") {
    if (req.method != "POST" || client.ip !~ purgers) {
      return (synth(403));
    }
    xkey.purge(req.http.surrogate-key);
    return (synth(204));
  }
  # Dateline knows no cookies, and with one the rest of this subroutine, which is built in, would ask it
  # each time. With `Authorization` it does: nothing is kept of what goes to a key.
  unset req.http.cookie;
}

sub vcl_backend_response {
  # Ten seconds of grace are built in, `must-revalidate` or not.
  set beresp.grace = 0s;
  # What has run out is asked for with its ETag.
  set beresp.keep = 1h;
  set beresp.http.xkey = beresp.http.surrogate-key;
}

sub vcl_deliver {
  unset resp.http.xkey;
}
