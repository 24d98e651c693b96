package main

import (
	"cmp"
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
)

// This file scales. A 2.x Controller can store a number of pods without applying it, and then ignores requests for the same
// number. So a scaling that failed offers ways out. None of them is a number of pods that the Controller lists: it may list
// fewer than run.

// A scaling sets the number of pods of a process type.
type scaling struct {
	Type  string
	Count int
	Again bool // the Controller must act even if it has stored this number already
}

func readScaling(field func(string) string) (scaling, error) {
	n, err := strconv.Atoi(field("count"))
	s := scaling{Type: field("type"), Count: n, Again: field("again") == "true"}
	if s.Type == "" || err != nil || n < 0 {
		return s, errForm("Scaling needs a process type and a number of pods.")
	}
	return s, nil
}

// fields returns the scaling as the fields of a form.
func (s scaling) fields() map[string]string {
	fields := map[string]string{"type": s.Type, "count": strconv.Itoa(s.Count)}
	if s.Again {
		fields["again"] = "true"
	}
	return fields
}

// steps returns the numbers to set, one after the other, if the Controller has stored a number. It acts only on another
// one; a larger one stops no pods.
func (s scaling) steps(stored int) []int {
	if s.Again && s.Count == stored {
		return []int{s.Count + 1, s.Count}
	}
	return []int{s.Count}
}

// label returns the text of a button for the scaling.
func (s scaling) label(stored int) string {
	text := fmt.Sprintf("Scale to %d", s.steps(stored)[0])
	if len(s.steps(stored)) > 1 {
		text += fmt.Sprintf(", then to %d", s.Count)
	}
	return text
}

func askScale(d *dashboard, r *http.Request, app string) (question, error) {
	s, err := readScaling(r.FormValue)
	if err != nil {
		return question{}, err
	}
	state, err := d.readApp(r.Context(), app)
	if err != nil {
		return question{}, err
	}
	return scaleQuestion(app, s, state), nil
}

func scaleQuestion(app string, s scaling, state snapshot.App) question {
	stored := state.Structure[s.Type]
	steps := s.steps(stored)
	q := question{
		App:    app,
		Text:   fmt.Sprintf("Scale %s of %s to %s", s.Type, app, count(steps[0], "pod")),
		Facts:  []string{fmt.Sprintf("It is now set to %s.", count(stored, "pod"))},
		Fields: s.fields(),
		Do:     s.label(stored),
	}
	if len(steps) > 1 {
		q.Text += fmt.Sprintf(", then to %d", s.Count)
		q.Facts = append(q.Facts, "The Controller does nothing if the number is the stored one, so another one is set first.")
	}
	q.Text += "?"
	q.Facts = append(q.Facts, "This can take a minute.")
	q.Fields["from"] = strconv.Itoa(stored)
	if s.Count == 0 {
		q.Facts = append(q.Facts, "No "+s.Type+" process will run after this.")
	}
	for _, p := range processes(state) {
		if p.Type == s.Type && p.Auto != nil {
			q.Facts = append(q.Facts, fmt.Sprintf("Autoscaling keeps it between %d and %d pods, and may soon change the number again.", p.Auto.Min, p.Auto.Max))
		}
	}
	return q
}

// scale sets the number of pods of a type, unless it is no longer the one that the question showed.
func scale(ctx context.Context, d *dashboard, r *http.Request, app string) (string, error) {
	s, err := readScaling(r.PostFormValue)
	if err != nil {
		return "", err
	}
	from, err := strconv.Atoi(r.PostFormValue("from"))
	if err != nil {
		return "", errForm("Scaling needs the number of pods that was set before.")
	}
	now, err := d.client.Apps.Get(ctx, app)
	if err != nil {
		return "", err
	}
	if stored := now.Structure[s.Type]; stored != from { // a second click, or somebody else
		state, err := d.readApp(ctx, app)
		if err != nil {
			return "", err
		}
		q := scaleQuestion(app, s, state)
		q.Facts = append([]string{fmt.Sprintf("Nothing has been done yet, because %s was set to %s in the meantime.", s.Type, count(stored, "pod"))}, q.Facts...)
		return "", &q
	}
	for _, n := range s.steps(from) {
		if err := d.client.Pods.Scale(ctx, app, map[string]int{s.Type: n}); err != nil {
			return "", err
		}
		d.log.Info("scaled", "app", app, "type", s.Type, "count", n)
	}
	return typeSection(s.Type), nil
}

// isStored reports whether a 2.x Controller has stored a number of pods, but not applied it.
func isStored(err error) bool {
	var failed *deis.Error
	return errors.Is(err, pods.ErrNotScaled) || errors.As(err, &failed) && failed.FromController() && failed.API.Major >= 2 &&
		failed.StatusCode == http.StatusServiceUnavailable && strings.HasSuffix(failed.Path, "/scale/")
}

// scaleStored explains this, and offers ways out.
func (d *dashboard) scaleStored(ctx context.Context, w http.ResponseWriter, r *http.Request, app string, err error) {
	d.log.Warn("a scale was stored but not applied", "app", app, "error", err)
	page := refusal{advice: explain(err, app), Back: appPath(app), NotDone: "Scaling failed."}
	page.What = "The Controller has stored the new number, but has not applied it."
	state, err := d.readApp(ctx, app)
	if err != nil {
		page.Do = "The app could not be read afterwards. Go back to see what has become of it."
		d.refusal(w, page)
		return
	}
	s, _ := readScaling(r.PostFormValue)
	stored, listed := state.Structure[s.Type], countListed(state.Pods, s.Type)
	onlyDifferent := fmt.Sprintf("Requesting %d again would do nothing: only a different number makes the Controller act.", stored)
	if listed == 0 && stored > 0 {
		page.What = fmt.Sprintf("The Controller has stored %s of %s, but lists none.", count(stored, "pod"), s.Type)
		page.Do = "They may run nevertheless: after a deploy that failed for one process type, a Controller may not list the pods of the others. " + onlyDifferent
		if countListed(state.Pods, "") == 0 {
			page.Do += " It lists no pods of any type, so it may be unable to reach Kubernetes. If so, wait until it lists them again."
		}
		if state.Release != nil && state.Release.Build != "" {
			page.Ways = append(page.Ways, wayToRelease(app, state.Release.Version))
		}
	} else {
		page.Do = fmt.Sprintf("It has stored %s of %s, and lists %d. %s", count(stored, "pod"), s.Type, listed, onlyDifferent)
		if before, err := strconv.Atoi(r.PostFormValue("from")); err == nil && before != stored && before != s.Count {
			page.Ways = append(page.Ways, s.wayBack(app, before))
		}
	}
	page.Ways = append(page.Ways, s.wayAgain(app, stored))
	d.refusal(w, page)
}

// countListed counts the pods of a process type, or of all if it is "", without those that are ending.
func countListed(all []pods.Pod, procType string) (n int) {
	for _, p := range all {
		if p.Type != "run" && p.Type == cmp.Or(procType, p.Type) && !p.Ending() {
			n++
		}
	}
	return n
}

// wayBack offers the number that was stored before.
func (s scaling) wayBack(app string, before int) wayOut {
	back := scaling{Type: s.Type, Count: before}
	return wayOut{back.question(app), fmt.Sprintf("Scale to %d…", before), "This is the number that was stored before."}
}

// wayAgain offers the same number once more.
func (s scaling) wayAgain(app string, stored int) wayOut {
	s.Again = true
	return wayOut{s.question(app), s.label(stored) + "…", "This makes the Controller act once more. It fails if the cluster has no room."}
}

// wayToRelease offers to deploy the running release again.
func wayToRelease(app string, version int) wayOut {
	return wayOut{
		fmt.Sprintf("%s/rollback?to=%d", appPath(app), version),
		fmt.Sprintf("Roll back to v%d…", version),
		"This deploys the running release again, with the stored numbers of pods. It brings back pods that the Controller does not list.",
	}
}

// question returns the address of the question of a scaling.
func (s scaling) question(app string) string {
	values := make(url.Values)
	for name, value := range s.fields() {
		values.Set(name, value)
	}
	return appPath(app) + "/scale?" + values.Encode()
}
