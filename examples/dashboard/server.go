package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/deisgo/deis"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// A dashboard serves the pages. It is one client, whatever number of browsers looks on.
type dashboard struct {
	client     *deis.Client
	controller string   // its name for people
	hosts      []string // names in the Host header beside the loopback ones
	writes     bool     // whether it may change anything
	log        *slog.Logger
	refresh    time.Duration   // how often an open page looks again
	ask        time.Duration   // how often a log is asked for
	closing    context.Context // ends the streams

	away atomic.Bool // whether the Controller did not answer when last asked for a page
}

const (
	readTimeout  = 15 * time.Second // for all that a page needs
	writeTimeout = 3 * time.Minute  // a scale-down of a real Controller takes 42 seconds, a failing deploy 58
	formTimeout  = 10 * time.Second
	maxForm      = 16 << 10
)

func (d *dashboard) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", d.showApps)
	mux.HandleFunc("GET /apps/{app}", d.showApp)
	mux.HandleFunc("GET /apps/{app}/logs", d.streamLog)
	mux.HandleFunc("POST /apps/{app}/config", d.showConfigValue) // no GET: a value is not to be prefetched, or in a history
	mux.HandleFunc("GET /apps/{app}/config", d.backToApp)
	mux.HandleFunc("GET /apps/{app}/scale", d.mayWrite(d.confirmScale))
	mux.HandleFunc("POST /apps/{app}/scale", d.mayWrite(d.scale))
	mux.HandleFunc("GET /apps/{app}/rollback", d.mayWrite(d.confirmRollback))
	mux.HandleFunc("POST /apps/{app}/rollback", d.mayWrite(d.rollBack))
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

// guard is before everything: it refuses names that are not the dashboard's own, and tells browsers to be strict.
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
			// Not a page, which would tell that site about the Controller.
			http.Error(w, "The dashboard is not known by this name; -allow-hosts can add it.", http.StatusMisdirectedRequest)
		case r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate":
			d.refuse(w, http.StatusForbidden, "Other sites may link here, and not load anything from here.")
		case !readForm(w, r):
			d.refuse(w, http.StatusBadRequest, "The form could not be read.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// readForm reads what a form sent: not much, and not slowly.
func readForm(w http.ResponseWriter, r *http.Request) bool {
	connection := http.NewResponseController(w)
	connection.SetReadDeadline(time.Now().Add(formTimeout))
	defer connection.SetReadDeadline(time.Time{})
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	return r.ParseForm() == nil
}

// isOwnName tells whether a Host header is one of the dashboard's. A foreign page whose name was made to point to this
// address (DNS rebinding) is of the dashboard's origin for the browser, and gives itself away by its name only.
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

// A view is what every page has, and its own data.
type view struct {
	Title      string
	Controller string // its name and version
	Writes     bool
	Refresh    int64  // milliseconds; 0: the page stays as it is
	Problem    string // what the Controller says is wrong, in one line
	Back       string // where to go from a page that only says what is wrong
	Data       any
}

func (d *dashboard) view(title string, data any) view {
	v := view{Title: title, Controller: d.controller, Writes: d.writes, Refresh: d.refresh.Milliseconds(), Data: data}
	if server, ok := d.client.Server(); ok {
		v.Controller += ", API " + server.API.String()
	}
	return v
}

// render writes a page; it is whole or an error.
func (d *dashboard) render(w http.ResponseWriter, status int, name string, v view) {
	var page bytes.Buffer
	if err := pages[name].ExecuteTemplate(&page, "layout.html", v); err != nil {
		d.log.Error("a page could not be made", "page", name, "error", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(page.Bytes()) // an error is the browser's going away
}

// refuse answers with a page that says why.
func (d *dashboard) refuse(w http.ResponseWriter, status int, why string) {
	v := d.view(why, nil)
	v.Refresh, v.Back = 0, "/"
	d.render(w, status, "refused.html", v)
}

// failed answers with the Controller's error, and makes the browser look again.
func (d *dashboard) failed(w http.ResponseWriter, err error) {
	d.noteAnswer(err)
	status, title := http.StatusBadGateway, "The Controller answers with an error"
	switch {
	case isSilence(err):
		title = "The Controller gives no answer"
	case errors.Is(err, deis.ErrNotFound):
		status, title = http.StatusNotFound, "The Controller has no such thing"
	case errors.Is(err, deis.ErrInvalidArgument):
		status, title = http.StatusBadRequest, "That cannot be asked for"
	}
	v := d.view(title, nil)
	v.Problem = err.Error()
	d.render(w, status, "away.html", v)
}

// isSilence tells whether an error is none of the Controller's own.
func isSilence(err error) bool {
	var answer *deis.Error
	return errors.Is(err, deis.ErrNotController) || errors.Is(err, deis.ErrUnavailable) ||
		errors.As(err, &answer) && answer.StatusCode == 0
}

// noteAnswer logs when the Controller goes away and when it comes back, once each.
func (d *dashboard) noteAnswer(err error) {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, deis.ErrInvalidArgument): // it was not asked, or not to the end
	case !isSilence(err):
		if d.away.Swap(false) {
			d.log.Info("the Controller answers again")
		}
	case !d.away.Swap(true):
		d.log.Warn("the Controller gives no answer", "error", err)
	}
}

// pages are the templates, each with the layout around it.
var pages = func() map[string]*template.Template {
	all := make(map[string]*template.Template)
	for _, name := range []string{"apps.html", "app.html", "confirm.html", "away.html", "refused.html"} {
		all[name] = template.Must(template.New(name).Funcs(template.FuncMap{"when": when}).
			ParseFS(templateFiles, "templates/layout.html", "templates/"+name))
	}
	return all
}()
