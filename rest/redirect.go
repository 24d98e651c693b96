package rest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// maxRedirects is how many redirects of one request are followed, as in net/http.
const maxRedirects = 10

// checkRedirect allows a redirect only if the token stays on the same host and the request stays the same. then is the
// http.Client's own policy, which is applied last.
func checkRedirect(then func(*http.Request, []*http.Request) error) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		first, last := via[0], via[len(via)-1]
		to := req.URL.Scheme + "://" + req.URL.Host // without the rest, which can have secrets
		refuse := func(why string) error { return fmt.Errorf("redirected to %s: refused: %s", to, why) }
		switch {
		case last.URL.Scheme == "https" && req.URL.Scheme != "https":
			return refuse("it leaves https")
		case !sameHost(first.URL, req.URL) && !upgrades(first.URL, req.URL):
			return refuse("it leads to another host; use that host in the controller URL if it is the Controller's")
		case isWrite(first.Method):
			return refuse("a redirect can turn this write into a GET; use " + to + " as the controller URL")
		case len(via) >= maxRedirects:
			return refuse("too many redirects")
		}
		if token := first.Header["Authorization"]; token != nil {
			req.Header["Authorization"] = token // net/http removes it if the host is spelled in another case
		}
		if then != nil {
			return then(req, via)
		}
		return nil
	}
}

// sameHost reports whether two URLs lead to the same host and port.
func sameHost(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	return strings.EqualFold(a.Hostname(), b.Hostname()) && (a.Scheme == b.Scheme && port(a) == port(b) || a.Port() == b.Port())
}

// upgrades reports whether a redirect leads from http to https on the same host, each on its usual port.
func upgrades(from, to *url.URL) bool {
	usual := func(u *url.URL, port string) bool { return u.Port() == "" || u.Port() == port }
	return from.Scheme == "http" && to.Scheme == "https" && strings.EqualFold(from.Hostname(), to.Hostname()) &&
		usual(from, "80") && usual(to, "443")
}
