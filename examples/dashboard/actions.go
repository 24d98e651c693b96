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

// This file is what users can do. GET shows what an action would do, and asks for confirmation. The form of that page
// sends a POST, which carries it out.

// An action changes an app.
type action struct {
	// ask makes the question. If it fails, its error is shown instead.
	ask func(d *dashboard, r *http.Request, app string) (question, error)

	// do carries out the action, and returns the section of the page to go to. If the error is a *question, that is asked.
	do func(ctx context.Context, d *dashboard, r *http.Request, app string) (section string, err error)

	failed string // what to say if do fails
}

var actions = map[string]action{
	"restart":  {askRestart, restart, "The restart failed."},
	"scale":    {askScale, scale, "Scaling failed."},
	"rollback": {askRollback, rollBack, "The rollback failed."},
	"settings": {askSettings, changeSettings, "Changing the setting failed."},
}

// A question is asked before something is changed.
type question struct {
	App, Text string
	Facts     []string
	Fields    map[string]string // what the form sends
	Do        string            // the text of the button
}

func (q *question) Error() string { return q.Text }

// An errForm says what is wrong with a form.
type errForm string

func (e errForm) Error() string { return string(e) }

// ask shows what an action would do, and asks for confirmation.
func (d *dashboard) ask(a action) http.HandlerFunc {
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

// carryOut carries out an action, and then shows the app.
func (d *dashboard) carryOut(a action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("app")
		// It continues if the browser disconnects, as when a phone goes to sleep.
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

// notDone responds when an action or its question failed.
func (d *dashboard) notDone(w http.ResponseWriter, id, what string, err error) {
	var form errForm
	if errors.As(err, &form) {
		d.refuse(w, http.StatusBadRequest, string(form))
		return
	}
	if what != "" {
		d.log.Warn("a change failed", "app", id, "error", err)
	}
	d.refusal(w, refusal{advice: explain(err, id), Back: appPath(id), NotDone: what})
}

// readRestart reads which pods to restart. A form without fields must not restart everything, so all pods need a field, too.
func readRestart(field func(string) string) (pods.RestartOptions, error) {
	o := pods.RestartOptions{Type: field("type"), Name: field("name")}
	if all := field("all") == "true"; all == (o != pods.RestartOptions{}) {
		return o, errForm("Say what to restart: all pods, those of a process type, or one pod.")
	}
	return o, nil
}

func askRestart(d *dashboard, r *http.Request, app string) (question, error) {
	o, err := readRestart(r.FormValue)
	if err != nil {
		return question{}, err
	}
	state, err := d.readApp(r.Context(), app)
	if err != nil {
		return question{}, err
	}
	affected := 0
	for _, p := range state.Pods {
		if p.Type != "run" && (o.Type == "" || p.Type == o.Type) && (o.Name == "" || p.Name == o.Name) {
			affected++
		}
	}
	if affected == 0 {
		return question{}, errForm("There is no such pod any more. Go back to see the current pods.")
	}
	q := question{
		App:   app,
		Facts: []string{count(affected, "pod") + " will be stopped and started again, with the same release and config.", "This can take a minute."},
		Do:    "Restart " + count(affected, "pod"),
	}
	switch {
	case o.Name != "":
		q.Text, q.Fields = fmt.Sprintf("Restart the pod %s of %s?", o.Name, app), map[string]string{"type": o.Type, "name": o.Name}
	case o.Type != "":
		q.Text, q.Fields = fmt.Sprintf("Restart all %s pods of %s?", o.Type, app), map[string]string{"type": o.Type}
	default:
		q.Text, q.Fields = fmt.Sprintf("Restart all pods of %s?", app), map[string]string{"all": "true"}
	}
	return q, nil
}

func restart(ctx context.Context, d *dashboard, r *http.Request, app string) (string, error) {
	o, err := readRestart(r.PostFormValue)
	if err != nil {
		return "", err
	}
	restarted, err := d.client.Pods.Restart(ctx, app, o)
	if errors.Is(err, pods.ErrNothingRestarted) || o.Name != "" && errors.Is(err, deis.ErrNotFound) {
		return "", errForm("There is no such pod any more. Nothing was restarted.")
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

// readApp reads an app as it is now.
func (d *dashboard) readApp(ctx context.Context, id string) (snapshot.App, error) {
	if err := d.reader.Refresh(ctx, id); err != nil {
		return snapshot.App{}, err
	}
	app, _ := d.reader.Look().App(id)
	return app, nil
}

func readRollback(r *http.Request) (target int, err error) {
	target, err = strconv.Atoi(r.FormValue("to"))
	if err != nil || target < 1 {
		return 0, errForm("A rollback needs the number of a release.")
	}
	return target, nil
}

// askRollback shows what the rollback would change.
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
		App:    app,
		Text:   fmt.Sprintf("Roll %s back to v%d?", app, target),
		Fields: map[string]string{"to": strconv.Itoa(target), "from": strconv.Itoa(newest.Version)},
		Do:     fmt.Sprintf("Roll back to v%d", target),
	}
	next, summary := newest.Version+1, func(r *releases.Release) string { return visible(strings.TrimSuffix(r.Summary, ".")) }
	if target == current.Version {
		q.Facts = []string{
			fmt.Sprintf("The app runs v%d now: %s.", target, summary(current)),
			fmt.Sprintf("Release v%d will have the same build and config. Its pods will replace all others, also those that the Controller does not list.", next),
		}
	} else {
		q.Facts = []string{
			fmt.Sprintf("v%d: %s.", target, summary(old)),
			fmt.Sprintf("The app now runs v%d: %s.", current.Version, summary(current)),
			fmt.Sprintf("Release v%d will have the build and config of v%d, and its pods will replace the running ones.", next, target),
		}
	}
	return q, nil
}

// newestRelease returns the release with the highest number, whether the app runs it or not.
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
		q.Facts = append([]string{fmt.Sprintf("Nothing has been done yet, because release v%d was made in the meantime.", newest.Version)}, q.Facts...)
		return "", &q
	}
	made, err := d.client.Releases.Rollback(ctx, app, target)
	if err != nil {
		return "", err
	}
	d.log.Info("rolled back", "app", app, "to", target, "release", made)
	return fmt.Sprintf("release-%d", made), nil
}

// switches are the settings that can be turned on and off, and what each change does.
var switches = map[string]struct{ name, on, off string }{
	"maintenance": {"maintenance mode", "Requests will get a page that says that the app is under maintenance. Its pods keep running.", "Requests will reach the app again."},
	"routable":    {"routing", "Requests will reach the app.", "Requests will no longer reach the app. Its pods keep running."},
}

func readSetting(r *http.Request) (name string, on bool, err error) {
	name = r.FormValue("name")
	on, err = strconv.ParseBool(r.FormValue("on"))
	if _, known := switches[name]; !known || err != nil {
		return "", false, errForm("Only maintenance mode and routing can be switched.")
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
		q.Text, q.Facts, q.Do = fmt.Sprintf("Turn on %s for %s?", s.name, app), []string{s.on}, "Turn it on"
	} else {
		q.Text, q.Facts, q.Do = fmt.Sprintf("Turn off %s for %s?", s.name, app), []string{s.off}, "Turn it off"
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
