package main

import (
	"context"
	"embed"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
)

// This file is the server: the routes, and who may use them.

//go:embed static
var staticFiles embed.FS

// A dashboard serves the pages, to any number of browsers.
type dashboard struct {
	client     *deis.Client // for the actions of users
	reader     *snapshot.Reader
	open       *openApps
	feeds      *feeds
	controller string   // its name for people
	platform   string   // the domain below which it gives apps their host names, "" if unknown
	hosts      []string // allowed names in the Host header, besides the loopback ones
	writes     bool     // whether the dashboard may change anything
	log        *slog.Logger
	refresh    time.Duration   // how often an open page refreshes
	closing    context.Context // ends the streams
}

// newDashboard makes a dashboard. The quiet client reads what pages show; it should have a budget and no retries. All apps
// are read once per round, or less often if reading them takes longer.
func newDashboard(client, quiet *deis.Client, round time.Duration, log *slog.Logger) *dashboard {
	d := &dashboard{client: client, log: log, refresh: refreshEvery, closing: context.Background()}
	d.reader = snapshot.NewReader(quiet, snapshot.Options{Round: round, Trouble: func(err error) {
		if err != nil {
			log.Warn("nothing can be read from the Controller", "error", err)
		} else {
			log.Info("the Controller responds again")
		}
	}})
	d.open = newOpenApps(quiet, d.reader)
	d.feeds = newFeeds(quiet)
	return d
}

const (
	readTimeout  = 15 * time.Second // for the reads of one page
	writeTimeout = 3 * time.Minute  // a scale-down of a real Controller takes 42 seconds, a failing deploy 58
	formTimeout  = 10 * time.Second
	maxForm      = 16 << 10
)

func (d *dashboard) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.showList)
	mux.HandleFunc("GET /apps/{app}", d.showApp)
	mux.HandleFunc("GET /apps/{app}/logs", d.streamLog)
	mux.HandleFunc("POST /apps/{app}/config", d.showConfigValue) // not GET: a value must not be prefetched, or end up in a history
	mux.HandleFunc("GET /apps/{app}/config", d.backToApp)
	for name, a := range actions {
		mux.HandleFunc("GET /apps/{app}/"+name, d.mayWrite(d.ask(a)))
		mux.HandleFunc("POST /apps/{app}/"+name, d.mayWrite(d.carryOut(a)))
	}
	mux.Handle("GET /static/{file}", http.FileServerFS(staticFiles))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.refuse(w, http.StatusNotFound, "There is no such page.")
	})
	crossSite := http.NewCrossOriginProtection()
	crossSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.refuse(w, http.StatusForbidden, "Another site sent this form. Nothing was done.")
	}))
	return d.guard(crossSite.Handler(mux))
}

// guard runs first: it refuses host names that are not the dashboard's, and sets security headers.
func (d *dashboard) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: browsers would send "Origin: null" with the dashboard's own forms.
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		switch {
		case !d.isOwnName(r.Host):
			// Not a page: it would reveal the Controller to that site.
			http.Error(w, "The dashboard does not serve this host name; -allow-hosts can add it.", http.StatusMisdirectedRequest)
		case r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate":
			d.refuse(w, http.StatusForbidden, "Other sites may link to the dashboard, but not load anything from it.")
		case !readForm(w, r):
			d.refuse(w, http.StatusBadRequest, "The form could not be read.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// readForm reads a form, with a limit on its size and a timeout.
func readForm(w http.ResponseWriter, r *http.Request) bool {
	connection := http.NewResponseController(w)
	connection.SetReadDeadline(time.Now().Add(formTimeout))
	defer connection.SetReadDeadline(time.Time{})
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	return r.ParseForm() == nil
}

// isOwnName reports whether a Host header is one of the dashboard's. With DNS rebinding, the name of a foreign page points
// to this address, and its requests are same-origin to the browser. Only that name gives it away.
func (d *dashboard) isOwnName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() {
		return true
	}
	return host == "localhost" || slices.ContainsFunc(d.hosts, func(name string) bool { return strings.EqualFold(name, host) })
}

// mayWrite lets a request through if the dashboard may change things.
func (d *dashboard) mayWrite(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !d.writes {
			d.refuse(w, http.StatusForbidden, "The dashboard is read-only: it was started without -allow-writes.")
			return
		}
		next(w, r)
	}
}
