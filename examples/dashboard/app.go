package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/domains"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
	"github.com/deisgo/deis/releases"
)

// This file is the page of one app.

type appPage struct {
	snapshot.App
	health
	Flags     []state
	Parts     appParts
	Processes []process
	Releases  []releaseRow
	More      int // number of older releases that are not listed
	Change    *change
	Image     *builds.Build // the running build
	Keys      []configKey
	Shown     bool // whether a config value is shown
	Limits    []limits
	Domains   []domainRow
	Lines     []logLine
	Filter    string // of the log
	Settable  bool   // whether the Controller has maintenance mode
}

// Late reports whether the pods were read longer ago than they should have been.
func (p *appPage) Late() bool { return !p.Read.IsZero() && time.Since(p.Read) > 3*fresh }

// Unread reports whether the app itself was not read yet.
func (p *appPage) Unread() bool { return p.Read.IsZero() && p.Err == nil && p.Parts.Core.Err == nil }

// CoreProblem returns why the pods are not up to date, or "".
func (p *appPage) CoreProblem() string { return p.Parts.Core.Problem() }

// NoPods reports whether the Controller lists no pods although there should be some.
func (p *appPage) NoPods() bool { return p.State == noPods }

// A releaseRow is a release in the list.
type releaseRow struct {
	change
	Current    bool
	Restorable bool   // whether rolling back to it is offered
	WhyNot     string // why that is not offered
	Why        string // why it failed
}

// A configKey is an environment variable. Its value may be secret, and is only set if it was asked for.
type configKey struct {
	Name, Value string
	Shown       bool
}

// limits are the resources and the health checks of a process type.
type limits struct {
	Type, Memory, CPU, Grace string
	Checks                   []string
}

// A domainRow is a domain with its certificate.
type domainRow struct {
	domains.Domain
	Link   string // "" if there cannot be one
	Cert   string // its name, "" if there is none that the dashboard's user may see
	Until  moment
	Left   string // how long it is still valid
	Urgent bool   // it expires soon, or has expired
}

const certWarning = 30 * 24 * time.Hour

func appPath(id string) string { return "/apps/" + url.PathEscape(id) }

func (d *dashboard) showApp(w http.ResponseWriter, r *http.Request) { d.appPage(w, r, "") }

// showConfigValue shows the app with the value of one variable.
func (d *dashboard) showConfigValue(w http.ResponseWriter, r *http.Request) {
	key := r.PostFormValue("key")
	if key == "" { // the button "Hide"
		d.backToApp(w, r)
		return
	}
	d.appPage(w, r, key)
}

func (d *dashboard) backToApp(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, appPath(r.PathValue("app"))+"#config", http.StatusSeeOther)
}

// appPage shows an app, with the value of one config variable if key is not empty. A part that cannot be read shows its
// error.
func (d *dashboard) appPage(w http.ResponseWriter, r *http.Request, key string) {
	id := r.PathValue("app")
	page := &appPage{Filter: strings.TrimSpace(r.URL.Query().Get("log"))}
	followed, lines := d.feeds.lines(id)
	page.Parts = d.open.look(r.Context(), id, !followed)
	look := d.reader.Look()
	app, known := look.App(id)
	switch {
	case page.Parts.isMissing():
		d.errorPage(w, explain(page.Parts.Core.Err, id))
		return
	case !known && page.Parts.Core.Err != nil:
		d.errorPage(w, explain(page.Parts.Core.Err, id))
		return
	case !known && look.Trouble != nil:
		d.errorPage(w, explain(look.Trouble.Err, id))
		return
	}
	app.ID = cmp.Or(app.ID, id)
	page.fill(app, key, d.platform)
	page.Lines = matching(page.Parts.Log.Value, page.Filter)
	if followed {
		page.Lines = matching(lines, page.Filter)
	}
	if page.Shown {
		d.log.Info("showed a config value", "app", id, "key", key)
	}
	v := d.view(id, page)
	v.Notice = noticeOf(look.Trouble, app.Read)
	if page.Parts.reading(followed) && look.Trouble == nil {
		v.hurry()
	}
	d.render(w, http.StatusOK, "app.html", v)
}

// reading reports whether a part was not read yet.
func (p *appParts) reading(followed bool) bool {
	return p.Core.Reading() || p.Releases.Reading() || p.Builds.Reading() || p.Config.Reading() || p.Domains.Reading() ||
		p.Certs.Reading() || !followed && p.Log.Reading()
}

// fill fills the page with what was read.
func (p *appPage) fill(app snapshot.App, key, platform string) {
	p.App, p.health, p.Flags, p.Change = app, healthOf(app), flagsOf(app), changeOf(app.Release)
	p.Settable = app.Setting != nil
	p.Image = p.Parts.buildOf(app.Release)
	p.Releases = releaseRows(p.Parts.Releases.Value.Latest, app.Release)
	p.More = p.Parts.Releases.Value.All - len(p.Parts.Releases.Value.Latest)
	p.Processes = processes(withTypes(app, p.Image))
	if c := p.Parts.Config.Value; c != nil {
		p.Keys, p.Shown = configKeys(c.Values, key)
		p.Limits = limitsOf(c)
	}
	for _, domain := range p.Parts.Domains.Value {
		p.Domains = append(p.Domains, domainOf(domain, p.Parts.Certs.Value, platform))
	}
}

// withTypes adds the process types of a build that are not running, so that they can be scaled up.
func withTypes(app snapshot.App, build *builds.Build) snapshot.App {
	if build == nil {
		return app
	}
	structure := maps.Clone(app.Structure)
	if structure == nil {
		structure = make(map[string]int)
	}
	for procType := range build.Procfile {
		structure[procType] += 0
	}
	app.Structure = structure
	return app
}

func releaseRows(latest []releases.Release, current *releases.Release) []releaseRow {
	rows := make([]releaseRow, len(latest))
	for i, r := range latest {
		row := releaseRow{change: *changeOf(&r), Current: current != nil && r.Version == current.Version}
		newest := i == 0
		switch {
		case r.Failed:
			row.Why = visible(strings.TrimPrefix(r.Exception, "error: "))
			row.WhyNot = "Failed"
		case r.Build == "": // on a rollback to it, a 2.x Controller refuses, a 1.6 one stops the app
			row.WhyNot = "No build"
		case row.Current && newest:
			row.WhyNot = "Running"
		default:
			row.Restorable = true // also the current one if a newer one failed: the rollback brings its pods back
		}
		rows[i] = row
	}
	return rows
}

func configKeys(values map[string]string, shown string) (keys []configKey, found bool) {
	for _, name := range sortedKeys(values) {
		key := configKey{Name: name}
		if name == shown {
			key.Value, key.Shown, found = visible(values[name]), true, true
		}
		keys = append(keys, key)
	}
	return keys, found
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func limitsOf(c *config.Config) (all []limits) {
	types := make(map[string]bool)
	for _, m := range []map[string]string{c.Memory, c.CPU, c.TerminationGracePeriod} {
		for procType := range m {
			types[procType] = true
		}
	}
	checks := make(map[string]config.Healthcheck)
	for procType, check := range c.Healthcheck {
		if len(check) == 0 {
			continue
		}
		checks[procType] = check
		types[procType] = true
	}
	for _, procType := range sortedKeys(types) {
		l := limits{Type: procType, Memory: c.Memory[procType], CPU: c.CPU[procType], Grace: c.TerminationGracePeriod[procType]}
		for _, name := range sortedKeys(checks[procType]) {
			if probe := checks[procType][name]; probe != nil {
				l.Checks = append(l.Checks, strings.TrimSuffix(name, "Probe")+": "+probeText(probe))
			}
		}
		all = append(all, l)
	}
	return all
}

// probeText returns a health check in words.
func probeText(p *config.Probe) string {
	text := "unknown"
	switch {
	case p.HTTPGet != nil:
		text = fmt.Sprintf("GET %s on port %s", cmp.Or(p.HTTPGet.Path, "/"), port(p.HTTPGet.Port, p.HTTPGet.PortName))
	case p.Exec != nil:
		text = "runs " + strings.Join(p.Exec.Command, " ")
	case p.TCPSocket != nil:
		text = "connects to port " + port(p.TCPSocket.Port, p.TCPSocket.PortName)
	}
	if p.PeriodSeconds > 0 {
		text += fmt.Sprintf(" every %d s", p.PeriodSeconds)
	}
	return visible(text)
}

func port(number int, name string) string { return cmp.Or(name, fmt.Sprint(number)) }

// domainOf finds the certificate of a domain, and links the domain if it can be linked.
func domainOf(domain domains.Domain, all []certs.Cert, platform string) domainRow {
	row := domainRow{Domain: domain}
	scheme := "http"
	for _, c := range all {
		if slices.Contains(c.Domains, domain.Domain) || len(c.Domains) == 0 && c.CommonName == domain.Domain { // in 2.x, in 1.6
			scheme = "https"
			row.Cert = c.Name
			if !c.Expires.IsZero() {
				row.Until = when(c.Expires.Time)
				left := time.Until(c.Expires.Time)
				row.Left, row.Urgent = duration(left), left < certWarning
				if left <= 0 {
					row.Left = ""
				}
			}
			break
		}
	}
	host := domain.Domain
	if !strings.Contains(host, ".") { // a 2.x Controller gives an app its own name below the platform's domain
		if platform == "" {
			return row
		}
		host += "." + platform
	}
	if isHostName(host) {
		row.Link = scheme + "://" + host + "/"
	}
	return row
}

// isHostName reports whether a name can be in a link: a wildcard cannot.
func isHostName(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '.')
	})
}
