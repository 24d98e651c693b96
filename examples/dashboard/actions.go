package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/settings"
)

// This file is what people can do. Each action is asked for with GET, which shows what would be done, and carried out
// with POST, which the form of that page sends.

// An action changes an app.
type action struct {
	// ask makes the question. Its error is shown in place of it.
	ask func(d *dashboard, r *http.Request, app string) (question, error)

	// do carries it out, and returns the part of the page to go to. An error that is a *question is asked instead.
	do func(ctx context.Context, d *dashboard, r *http.Request, app string) (section string, err error)

	failed string // what to say if it fails
}

var actions = map[string]action{
	"restart":  {askRestart, restart, "It could not be restarted."},
	"scale":    {askScale, scale, "It could not be scaled."},
	"rollback": {askRollback, rollBack, "It could not be rolled back."},
	"settings": {askSettings, changeSettings, "The setting could not be changed."},
}

// A question is asked before something is changed.
type question struct {
	App, Text string
	Facts     []string
	Fields    map[string]string // what the form sends
	Do        string            // the button
}

func (q *question) Error() string { return q.Text }

// errForm says what a form lacks.
type errForm string

func (e errForm) Error() string { return string(e) }

// question shows what an action would do.
func (d *dashboard) question(a action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
		defer cancel()
		id := r.PathValue("app")
		q, err := a.ask(d, r.WithContext(ctx), id)
		if err != nil {
			d.notDone(w, id, "", err)
			return
		}
		d.confirm(w, q)
	}
}

func (d *dashboard) confirm(w http.ResponseWriter, q question) {
	v := d.view(q.Text, q)
	v.Refresh = 0
	d.render(w, http.StatusOK, "confirm.html", v)
}

// carryOut does what an action is, and then shows the app as it is afterwards.
func (d *dashboard) carryOut(a action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("app")
		// It is not given up because a phone went to sleep.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), writeTimeout)
		defer cancel()
		section, err := a.do(ctx, d, r, id)
		d.open.expire(id)
		var instead *question
		switch {
		case errors.As(err, &instead):
			d.confirm(w, *instead)
		case err != nil:
			if isStored(err) {
				d.scaleStored(ctx, w, r, id, err)
				return
			}
			d.notDone(w, id, a.failed, err)
		default:
			http.Redirect(w, r, appPath(id)+"#"+section, http.StatusSeeOther)
		}
	}
}

// notDone responds when an action failed, or its question.
func (d *dashboard) notDone(w http.ResponseWriter, id, what string, err error) {
	var form errForm
	if errors.As(err, &form) {
		d.refuse(w, http.StatusBadRequest, string(form))
		return
	}
	if what != "" {
		d.log.Warn("a change failed", "app", id, "error", err)
	}
	d.refusal(w, refusal{advice: explain(err, id), Back: appPath(id), WasDone: what})
}

func askRestart(d *dashboard, r *http.Request, app string) (question, error) {
	procType, name := r.FormValue("type"), r.FormValue("name")
	state, err := d.now(r.Context(), app)
	if err != nil {
		return question{}, err
	}
	affected := 0
	for _, p := range state.Pods {
		if p.Type != "run" && (procType == "" || p.Type == procType) && (name == "" || p.Name == name) {
			affected++
		}
	}
	if affected == 0 {
		return question{}, errForm("There is no such pod any more. Go back to see those that there are.")
	}
	q := question{
		App:    app,
		Fields: map[string]string{"type": procType, "name": name},
		Facts:  []string{count(affected, "pod") + " will be stopped and started anew, with the same release and config.", "This can take a minute."},
		Do:     "Restart " + count(affected, "pod"),
	}
	switch {
	case name != "":
		q.Text = fmt.Sprintf("Restart the pod %s of %s?", name, app)
	case procType != "":
		q.Text = fmt.Sprintf("Restart all %s pods of %s?", procType, app)
	default:
		q.Text = fmt.Sprintf("Restart all pods of %s?", app)
	}
	return q, nil
}

func restart(ctx context.Context, d *dashboard, r *http.Request, app string) (string, error) {
	o := pods.RestartOptions{Type: r.PostFormValue("type"), Name: r.PostFormValue("name")}
	restarted, err := d.client.Pods.Restart(ctx, app, o)
	if errors.Is(err, pods.ErrNothingRestarted) {
		return "", errForm("There was no such pod any more. Nothing was restarted.")
	}
	if err != nil {
		return "", err
	}
	d.log.Info("restarted", "app", app, "type", o.Type, "name", o.Name, "pods", len(restarted))
	if o.Type != "" {
		return typeSection(o.Type), nil
	}
	return "pods", nil
}

func typeSection(procType string) string { return "type-" + url.PathEscape(procType) }

// now reads an app, and returns it.
func (d *dashboard) now(ctx context.Context, id string) (snapshot.App, error) {
	if err := d.reader.Refresh(ctx, id); err != nil {
		return snapshot.App{}, err
	}
	app, _ := d.reader.Look().App(id)
	return app, nil
}

// readScale reads the fields of a form that scales.
func readScale(r *http.Request) (procType string, n int, err error) {
	procType = r.FormValue("type")
	n, err = strconv.Atoi(r.FormValue("count"))
	if procType == "" || err != nil || n < 0 {
		return "", 0, errForm("Scaling needs a process type and a number of pods.")
	}
	return procType, n, nil
}

func askScale(d *dashboard, r *http.Request, app string) (question, error) {
	procType, n, err := readScale(r)
	if err != nil {
		return question{}, err
	}
	state, err := d.now(r.Context(), app)
	if err != nil {
		return question{}, err
	}
	q := question{
		App:    app,
		Text:   fmt.Sprintf("Scale %s of %s to %s?", procType, app, count(n, "pod")),
		Facts:  []string{fmt.Sprintf("At present %s wanted.", podsAre(state.Structure[procType])), "This can take a minute."},
		Fields: map[string]string{"type": procType, "count": strconv.Itoa(n)},
		Do:     fmt.Sprintf("Scale to %d", n),
	}
	if n == 0 {
		q.Facts = append(q.Facts, "No "+procType+" process will run any more.")
	}
	for _, p := range processes(state) {
		if p.Type == procType && p.Auto != nil {
			q.Facts = append(q.Facts, fmt.Sprintf("It is scaled by itself, from %d to %d, and may soon have another number.", p.Auto.Min, p.Auto.Max))
		}
	}
	return q, nil
}

func podsAre(n int) string {
	if n == 1 {
		return "1 pod is"
	}
	return fmt.Sprintf("%d pods are", n)
}

// scale sets the number of pods of a type. A field "first" is a number to scale to before.
func scale(ctx context.Context, d *dashboard, r *http.Request, app string) (string, error) {
	procType, n, err := readScale(r)
	if err != nil {
		return "", err
	}
	steps := []int{n}
	if first, err := strconv.Atoi(r.PostFormValue("first")); err == nil && first >= 0 {
		steps = []int{first, n}
	}
	for _, n := range steps {
		if err := d.client.Pods.Scale(ctx, app, map[string]int{procType: n}); err != nil {
			return "", err
		}
		d.log.Info("scaled", "app", app, "type", procType, "count", n)
	}
	return typeSection(procType), nil
}

// isStored reports whether a 2.x Controller has stored a number of pods, and not carried it out.
func isStored(err error) bool {
	var failed *deis.Error
	return errors.Is(err, pods.ErrNotScaled) || errors.As(err, &failed) && failed.FromController() && failed.API.Major >= 2 &&
		failed.StatusCode == http.StatusServiceUnavailable && strings.HasSuffix(failed.Path, "/scale/")
}

// scaleStored explains that, and offers ways out: another number makes the Controller act again.
func (d *dashboard) scaleStored(ctx context.Context, w http.ResponseWriter, r *http.Request, app string, err error) {
	d.log.Warn("a scale was stored and not carried out", "app", app, "error", err)
	page := refusal{advice: explain(err, app), Back: appPath(app), WasDone: "It could not be scaled."}
	page.What = "The Controller has stored the number, but not carried it out."
	page.Do = "Asking for the same number again would do nothing: the Controller compares it with what it has stored. Another number makes it act."
	procType, n, _ := readScale(r)
	state, err := d.now(ctx, app)
	if err != nil || len(state.Pods) == 0 { // which is what it shows when Kubernetes is out of its reach
		page.Do += " At present it shows no pods at all; it may not reach Kubernetes. Wait until it shows them."
		d.refusal(w, page)
		return
	}
	there := 0
	for _, p := range state.Pods {
		if p.Type == procType {
			there++
		}
	}
	back := wayOut{
		Action: appPath(app) + "/scale",
		Fields: map[string]string{"type": procType, "count": strconv.Itoa(there)},
		Do:     fmt.Sprintf("Scale to %d", there),
		Why:    fmt.Sprintf("This makes the number right again: %s there now.", podsAre(there)),
	}
	page.Ways = []wayOut{back}
	if there != n {
		page.Ways = append(page.Ways, wayOut{
			Action: back.Action,
			Fields: map[string]string{"type": procType, "count": strconv.Itoa(n), "first": strconv.Itoa(there)},
			Do:     fmt.Sprintf("Scale to %d, then to %d", there, n),
			Why:    "This has the Controller try once more. It fails again as long as the cluster has no room.",
		})
	}
	d.refusal(w, page)
}

func readRollback(r *http.Request) (target int, err error) {
	target, err = strconv.Atoi(r.FormValue("to"))
	if err != nil || target < 1 {
		return 0, errForm("A rollback needs the number of a release.")
	}
	return target, nil
}

// askRollback shows what would be rolled back, to which release.
func askRollback(d *dashboard, r *http.Request, app string) (question, error) {
	target, err := readRollback(r)
	if err != nil {
		return question{}, err
	}
	return d.rollbackQuestion(r.Context(), app, target)
}

func (d *dashboard) rollbackQuestion(ctx context.Context, app string, target int) (question, error) {
	newest, err := d.newestRelease(ctx, app)
	if err != nil {
		return question{}, err
	}
	current, err := d.client.Releases.Current(ctx, app)
	if err != nil {
		return question{}, err
	}
	old, err := d.client.Releases.Get(ctx, app, target)
	if err != nil {
		return question{}, err
	}
	q := question{
		App:  app,
		Text: fmt.Sprintf("Roll %s back to v%d?", app, target),
		Facts: []string{
			fmt.Sprintf("v%d: %s.", target, visible(strings.TrimSuffix(old.Summary, "."))),
			fmt.Sprintf("It runs v%d: %s.", current.Version, visible(strings.TrimSuffix(current.Summary, "."))),
			fmt.Sprintf("Release v%d will have the build and the config of v%d, and its pods replace those that run.", newest.Version+1, target),
		},
		Fields: map[string]string{"to": strconv.Itoa(target), "from": strconv.Itoa(newest.Version)},
		Do:     fmt.Sprintf("Roll back to v%d", target),
	}
	return q, nil
}

// newestRelease is the one with the highest number, whether the app runs it or not.
func (d *dashboard) newestRelease(ctx context.Context, app string) (*releases.Release, error) {
	latest, err := d.client.Releases.List(ctx, app, releases.ListOptions{PageSize: 1})
	if err != nil {
		return nil, err
	}
	if len(latest.Items) == 0 {
		return nil, errForm("The app has no releases.")
	}
	return &latest.Items[0], nil
}

func rollBack(ctx context.Context, d *dashboard, r *http.Request, app string) (string, error) {
	target, err := readRollback(r)
	if err != nil {
		return "", err
	}
	from, err := strconv.Atoi(r.PostFormValue("from"))
	if err != nil {
		return "", errForm("A rollback needs the number of the newest release.")
	}
	newest, err := d.newestRelease(ctx, app)
	if err != nil {
		return "", err
	}
	if newest.Version != from { // a second click, or somebody's deploy
		q, err := d.rollbackQuestion(ctx, app, target)
		if err != nil {
			return "", err
		}
		q.Facts = append([]string{fmt.Sprintf("Nothing was done yet: release v%d was made meanwhile.", newest.Version)}, q.Facts...)
		return "", &q
	}
	made, err := d.client.Releases.Rollback(ctx, app, target)
	if err != nil {
		return "", err
	}
	d.log.Info("rolled back", "app", app, "to", target, "release", made)
	return fmt.Sprintf("release-%d", made), nil
}

// switches are the settings that can be turned on and off, and what that means.
var switches = map[string]struct{ name, on, off string }{
	"maintenance": {"maintenance mode", "Requests get a page that says that the app is under maintenance. Its pods run on.", "Requests reach the app again."},
	"routable":    {"routing", "Requests reach the app.", "Requests reach the app no longer. Its pods run on."},
}

func readSetting(r *http.Request) (name string, on bool, err error) {
	name = r.FormValue("name")
	on, err = strconv.ParseBool(r.FormValue("on"))
	if _, known := switches[name]; !known || err != nil {
		return "", false, errForm("Only maintenance and routing can be switched.")
	}
	return name, on, nil
}

func askSettings(d *dashboard, r *http.Request, app string) (question, error) {
	name, on, err := readSetting(r)
	if err != nil {
		return question{}, err
	}
	s := switches[name]
	if _, err := d.client.Settings.Get(r.Context(), app); err != nil {
		return question{}, err
	}
	q := question{App: app, Fields: map[string]string{"name": name, "on": strconv.FormatBool(on)}}
	if on {
		q.Text, q.Facts, q.Do = fmt.Sprintf("Turn %s of %s on?", s.name, app), []string{s.on}, "Turn it on"
	} else {
		q.Text, q.Facts, q.Do = fmt.Sprintf("Turn %s of %s off?", s.name, app), []string{s.off}, "Turn it off"
	}
	return q, nil
}

func changeSettings(ctx context.Context, d *dashboard, r *http.Request, app string) (string, error) {
	name, on, err := readSetting(r)
	if err != nil {
		return "", err
	}
	changes := settings.Changes{Maintenance: &on}
	if name == "routable" {
		changes = settings.Changes{Routable: &on}
	}
	if _, err := d.client.Settings.Set(ctx, app, changes); err != nil && !errors.Is(err, settings.ErrUnchanged) {
		return "", err
	}
	d.log.Info("set", "app", app, "setting", name, "on", on)
	return "settings", nil
}
