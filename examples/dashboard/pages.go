package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/domains"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
)

const (
	appsPerPage  = 50
	releasesSeen = 15
	linesSeen    = 200 // of a log
	callsAtOnce  = 8   // for one page
)

// A state is what can be said of a pod or an app in a word. The kind is its colour, which never stands alone.
type state struct{ Word, Kind string }

// A process is what an app has of one process type.
type process struct {
	Type     string
	Want, Up int
	Pods     []podView
}

type podView struct {
	pods.Pod
	State state
	Since time.Time
}

func podState(p pods.Pod) state {
	switch p.State {
	case "up":
		return state{"up", "good"}
	case "crashed", "error":
		return state{p.State, "bad"}
	case "down", "destroyed":
		return state{p.State, "idle"}
	case "":
		return state{"unknown", "idle"}
	}
	return state{p.State, "busy"} // on its way: "initializing", "created", "starting", "terminating", …
}

// processes puts the pods of an app beside what it wants. A pod of a one-off command counts for nothing.
func processes(app *apps.App, running []pods.Pod) []process {
	byType := make(map[string]*process)
	for kind, want := range app.Structure {
		byType[kind] = &process{Type: kind, Want: want}
	}
	for _, p := range running {
		if p.Type == "run" {
			continue
		}
		of := byType[p.Type]
		if of == nil {
			of = &process{Type: p.Type}
			byType[p.Type] = of
		}
		v := podView{Pod: p, State: podState(p), Since: p.Started.Time}
		if v.Since.IsZero() {
			v.Since = p.Created.Time
		}
		if v.State.Kind == "good" {
			of.Up++
		}
		of.Pods = append(of.Pods, v)
	}
	var all []process
	for _, kind := range slices.Sorted(maps.Keys(byType)) {
		p := byType[kind]
		slices.SortFunc(p.Pods, func(a, b podView) int { return cmp.Or(a.Num-b.Num, strings.Compare(a.Name, b.Name)) })
		all = append(all, *p)
	}
	return all
}

// A health is the sum of an app's processes.
type health struct {
	Up, Want int
	Dots     []string // the kind of each pod, of each that is missing too; none if there are too many to draw
	State    state
}

const mostDots = 12

func healthOf(all []process, released *releaseView) health {
	var h health
	crashed, busy := false, false
	for _, p := range all {
		h.Up, h.Want = h.Up+p.Up, h.Want+p.Want
		for _, pod := range p.Pods {
			crashed = crashed || pod.State.Kind == "bad"
			busy = busy || pod.State.Kind == "busy"
			h.Dots = append(h.Dots, pod.State.Kind)
		}
		for range min(p.Want-len(p.Pods), mostDots+1) {
			h.Dots = append(h.Dots, "idle")
		}
	}
	if len(h.Dots) > mostDots {
		h.Dots = nil
	}
	switch {
	case crashed:
		h.State = state{"crashed", "bad"}
	case h.Want == 0 && released != nil && released.Build == "":
		h.State = state{"not deployed", "idle"}
	case h.Want == 0:
		h.State = state{"stopped", "idle"}
	case h.Up >= h.Want:
		h.State = state{"running", "good"}
	case busy:
		h.State = state{"starting", "busy"}
	default:
		h.State = state{"pods missing", "bad"}
	}
	return h
}

// An appRow is an app in the list of all.
type appRow struct {
	apps.App
	health
	Release *releaseView // nil where it could not be read
	Problem string
}

type appsPage struct {
	Apps           []appRow
	Count          int // of all pages
	Up, Want       int
	Troubled       int
	Previous, Next int // page numbers, 0 if there is none
}

func (d *dashboard) showApps(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	number, _ := strconv.Atoi(r.URL.Query().Get("page"))
	number = max(number, 1)
	page, err := d.client.Apps.List(ctx, apps.ListOptions{PageSize: appsPerPage, Page: number})
	if err != nil {
		d.failed(w, err)
		return
	}
	d.noteAnswer(nil)
	shown := appsPage{Apps: make([]appRow, len(page.Items)), Count: page.Count, Previous: number - 1}
	if page.HasNext() {
		shown.Next = number + 1
	}
	atOnce(len(page.Items), func(i int) { shown.Apps[i] = d.row(ctx, page.Items[i]) })
	v := d.view("Apps", &shown)
	for _, row := range shown.Apps {
		shown.Up, shown.Want = shown.Up+row.Up, shown.Want+row.Want
		if row.State.Kind == "bad" {
			shown.Troubled++
		}
		v.Problem = cmp.Or(v.Problem, row.Problem)
	}
	if shown.Troubled > 0 {
		v.Title = fmt.Sprintf("(%d) Apps", shown.Troubled) // a tab in the background tells
	}
	d.render(w, http.StatusOK, "apps.html", v)
}

func (d *dashboard) row(ctx context.Context, app apps.App) appRow {
	row := appRow{App: app, health: health{State: state{"unknown", "idle"}}}
	latest, err := d.client.Releases.List(ctx, app.ID, releases.ListOptions{PageSize: 1})
	if err == nil && len(latest.Items) > 0 {
		row.Release = &releaseViews(latest.Items)[0]
	}
	running, podsErr := deis.Collect(d.client.Pods.All(ctx, app.ID, pods.ListOptions{}))
	if err = cmp.Or(err, podsErr); err != nil {
		row.Problem = err.Error()
		return row
	}
	row.health = healthOf(processes(&app, running), row.Release)
	return row
}

// atOnce does work for 0 to n-1, a few at the same time.
func atOnce(n int, work func(int)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, callsAtOnce)
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			work(i)
		})
	}
	all.Wait()
}

// A configKey is an environment variable. Its value is a secret, and only there when it was asked for.
type configKey struct {
	Name, Value string
	Shown       bool
}

type appPage struct {
	App       *apps.App
	Health    health
	Processes []process
	Releases  []releaseView
	More      int // older releases that are not listed
	Keys      []configKey
	Shown     bool // whether a value is
	Domains   []domains.Domain
	Lines     []logLine
	Problems  map[string]string // by section
}

type releaseView struct {
	releases.Release
	Current, Restorable bool
	What                string // the summary without the name of who did it
}

// Current is the newest release, nil if it could not be read.
func (p *appPage) Current() *releaseView {
	if len(p.Releases) == 0 {
		return nil
	}
	return &p.Releases[0]
}

func (d *dashboard) showApp(w http.ResponseWriter, r *http.Request) { d.appPage(w, r, "") }

// showConfigValue shows the app with the value of one variable.
func (d *dashboard) showConfigValue(w http.ResponseWriter, r *http.Request) {
	key := r.PostFormValue("key")
	if key == "" { // hide it again
		d.backToApp(w, r)
		return
	}
	d.appPage(w, r, key)
}

func (d *dashboard) backToApp(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, appPath(r.PathValue("app"))+"#config", http.StatusSeeOther)
}

func appPath(id string) string { return "/apps/" + url.PathEscape(id) }

// appPage shows an app, and the value of one variable of its config if key is not empty. A part that cannot be read
// says so in its place.
func (d *dashboard) appPage(w http.ResponseWriter, r *http.Request, key string) {
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	id := r.PathValue("app")
	page := &appPage{Problems: make(map[string]string)}
	var running []pods.Pod
	var procfile map[string]string
	parts := []struct {
		name string
		read func() error
	}{
		{"app", func() (err error) {
			page.App, err = d.client.Apps.Get(ctx, id)
			return err
		}},
		{"pods", func() (err error) {
			running, err = deis.Collect(d.client.Pods.All(ctx, id, pods.ListOptions{}))
			return err
		}},
		{"types", func() error { // which there could be
			latest, err := d.client.Builds.List(ctx, id, builds.ListOptions{PageSize: 1})
			if err == nil && len(latest.Items) > 0 {
				procfile = latest.Items[0].Procfile
			}
			return err
		}},
		{"releases", func() error {
			latest, err := d.client.Releases.List(ctx, id, releases.ListOptions{PageSize: releasesSeen})
			if err == nil {
				page.Releases, page.More = releaseViews(latest.Items), latest.Count-len(latest.Items)
			}
			return err
		}},
		{"config", func() error {
			cfg, err := d.client.Config.Get(ctx, id)
			if err == nil {
				page.Keys, page.Shown = configKeys(cfg.Values, key)
			}
			if page.Shown {
				d.log.Info("showed a value of config", "app", id, "key", key)
			}
			return err
		}},
		{"domains", func() (err error) {
			page.Domains, err = deis.Collect(d.client.Domains.All(ctx, id, domains.ListOptions{}))
			return err
		}},
		{"log", func() error {
			text, err := d.client.Apps.Logs(ctx, id, apps.LogOptions{Lines: linesSeen})
			for line := range strings.Lines(text) {
				page.Lines = append(page.Lines, parseLine(line))
			}
			return err
		}},
	}
	errs := make([]error, len(parts))
	atOnce(len(parts), func(i int) { errs[i] = parts[i].read() })
	if page.App == nil {
		d.failed(w, errs[0])
		return
	}
	d.noteAnswer(nil)
	for i, err := range errs {
		if err != nil {
			page.Problems[parts[i].name] = err.Error()
		}
	}
	for kind := range procfile {
		if _, known := page.App.Structure[kind]; !known && d.writes {
			page.App.Structure = withType(page.App.Structure, kind) // so that it can be scaled up
		}
	}
	page.Health = health{State: state{"unknown", "idle"}}
	if page.Problems["pods"] == "" {
		page.Processes = processes(page.App, running)
		page.Health = healthOf(page.Processes, page.Current())
	}
	d.render(w, http.StatusOK, "app.html", d.view(page.App.ID, page))
}

func withType(structure map[string]int, kind string) map[string]int {
	if structure == nil {
		structure = make(map[string]int)
	}
	structure[kind] = 0
	return structure
}

func releaseViews(list []releases.Release) []releaseView {
	views := make([]releaseView, len(list))
	for i, r := range list {
		views[i] = releaseView{
			Release:    r,
			Current:    i == 0,
			Restorable: i > 0 && r.Build != "", // a 2.2 Controller refuses the others, a 1.6 one stops the app
			What:       strings.TrimPrefix(r.Summary, r.Owner+" "),
		}
	}
	return views
}

func configKeys(values map[string]string, shown string) (keys []configKey, found bool) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key := configKey{Name: name}
		if name == shown {
			key.Value, key.Shown, found = values[name], true, true
		}
		keys = append(keys, key)
	}
	return keys, found
}

// A confirmPage asks before something is changed.
type confirmPage struct {
	App, Question string
	Facts         []string
	Fields        map[string]string // what the form sends
	Do            string            // the button
}

func (d *dashboard) confirm(w http.ResponseWriter, c confirmPage) {
	v := d.view(c.Question, c)
	v.Refresh = 0
	d.render(w, http.StatusOK, "confirm.html", v)
}

func (d *dashboard) confirmScale(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	id, kind := r.PathValue("app"), r.FormValue("type")
	count, err := strconv.Atoi(r.FormValue("count"))
	if kind == "" || err != nil || count < 0 {
		d.refuse(w, http.StatusBadRequest, "Scaling needs a process type and a number of pods.")
		return
	}
	app, err := d.client.Apps.Get(ctx, id)
	if err != nil {
		d.failed(w, err)
		return
	}
	c := confirmPage{
		App:      id,
		Question: fmt.Sprintf("Scale %s of %s to %s?", kind, id, podCount(count)),
		Facts:    []string{fmt.Sprintf("At present %s wanted.", podsAre(app.Structure[kind])), "This can take a minute."},
		Fields:   map[string]string{"type": kind, "count": strconv.Itoa(count)},
		Do:       fmt.Sprintf("Scale to %d", count),
	}
	if count == 0 {
		c.Facts = append(c.Facts, "No "+kind+" process will run any more.")
	}
	d.confirm(w, c)
}

func podCount(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return strconv.Itoa(n) + " pods"
}

func podsAre(n int) string {
	if n == 1 {
		return "1 pod is"
	}
	return strconv.Itoa(n) + " pods are"
}

func (d *dashboard) scale(w http.ResponseWriter, r *http.Request) {
	id, kind := r.PathValue("app"), r.PostFormValue("type")
	count, err := strconv.Atoi(r.PostFormValue("count"))
	if kind == "" || err != nil || count < 0 {
		d.refuse(w, http.StatusBadRequest, "Scaling needs a process type and a number of pods.")
		return
	}
	ctx, cancel := writing(r)
	defer cancel()
	if err := d.client.Pods.Scale(ctx, id, map[string]int{kind: count}); err != nil {
		d.notDone(w, id, "It could not be scaled.", err)
		return
	}
	d.log.Info("scaled", "app", id, "type", kind, "count", count)
	http.Redirect(w, r, appPath(id)+"#type-"+url.PathEscape(kind), http.StatusSeeOther)
}

func (d *dashboard) confirmRollback(w http.ResponseWriter, r *http.Request) {
	target, err := strconv.Atoi(r.FormValue("to"))
	if err != nil || target < 1 {
		d.refuse(w, http.StatusBadRequest, "A rollback needs the number of a release.")
		return
	}
	d.askRollback(w, r, target, "")
}

// askRollback shows what would be rolled back, to which release.
func (d *dashboard) askRollback(w http.ResponseWriter, r *http.Request, target int, first string) {
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	id := r.PathValue("app")
	current, err := d.currentRelease(ctx, id)
	if err != nil {
		d.failed(w, err)
		return
	}
	old, err := d.client.Releases.Get(ctx, id, target)
	if err != nil {
		d.failed(w, err)
		return
	}
	c := confirmPage{
		App:      id,
		Question: fmt.Sprintf("Roll %s back to v%d?", id, target),
		Facts: []string{
			fmt.Sprintf("v%d: %s.", target, strings.TrimSuffix(old.Summary, ".")),
			fmt.Sprintf("It runs v%d: %s.", current.Version, strings.TrimSuffix(current.Summary, ".")),
			fmt.Sprintf("Release v%d will have the build and the config of v%d, and its pods replace those that run.", current.Version+1, target),
		},
		Fields: map[string]string{"to": strconv.Itoa(target), "from": strconv.Itoa(current.Version)},
		Do:     fmt.Sprintf("Roll back to v%d", target),
	}
	if first != "" {
		c.Facts = append([]string{first}, c.Facts...)
	}
	d.confirm(w, c)
}

func (d *dashboard) currentRelease(ctx context.Context, id string) (*releases.Release, error) {
	latest, err := d.client.Releases.List(ctx, id, releases.ListOptions{PageSize: 1})
	if err != nil {
		return nil, err
	}
	if len(latest.Items) == 0 {
		return nil, fmt.Errorf("app %s has no releases", id)
	}
	return &latest.Items[0], nil
}

func (d *dashboard) rollBack(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("app")
	target, err := strconv.Atoi(r.PostFormValue("to"))
	from, fromErr := strconv.Atoi(r.PostFormValue("from"))
	if err = errors.Join(err, fromErr); err != nil || target < 1 {
		d.refuse(w, http.StatusBadRequest, "A rollback needs the number of a release.")
		return
	}
	ctx, cancel := writing(r)
	defer cancel()
	current, err := d.currentRelease(ctx, id)
	if err != nil {
		d.notDone(w, id, "It was not rolled back.", err)
		return
	}
	if current.Version != from { // a second click, or somebody's deploy
		d.askRollback(w, r, target, fmt.Sprintf("Nothing was done yet: release v%d was made meanwhile.", current.Version))
		return
	}
	made, err := d.client.Releases.Rollback(ctx, id, target)
	if err != nil {
		d.notDone(w, id, "It could not be rolled back.", err)
		return
	}
	d.log.Info("rolled back", "app", id, "to", target, "release", made)
	http.Redirect(w, r, fmt.Sprintf("%s#release-%d", appPath(id), made), http.StatusSeeOther)
}

// writing is the context of a change: it is not given up because a phone went to sleep.
func writing(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), writeTimeout)
}

// notDone answers when a change failed.
func (d *dashboard) notDone(w http.ResponseWriter, id, what string, err error) {
	d.log.Warn("a change failed", "app", id, "error", err)
	v := d.view(what, nil)
	v.Refresh, v.Problem, v.Back = 0, err.Error(), appPath(id)
	d.render(w, http.StatusBadGateway, "refused.html", v)
}

// A moment is a time for people: how long ago it was, and exactly.
type moment struct{ Ago, Exact, Machine string }

func when(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{Ago: ago(time.Since(t)), Exact: t.UTC().Format("2 January 2006, 15:04:05 UTC"), Machine: t.UTC().Format(time.RFC3339)}
}

func ago(d time.Duration) string {
	day := 24 * time.Hour
	unit := func(size time.Duration, name string) string {
		n := int(d / size)
		if n != 1 {
			name += "s"
		}
		return fmt.Sprintf("%d %s ago", n, name)
	}
	switch {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < day:
		return unit(time.Hour, "hour")
	case d < 60*day:
		return unit(day, "day")
	case d < 730*day:
		return unit(30*day, "month")
	}
	return unit(365*day, "year")
}
