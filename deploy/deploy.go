// Package deploy does in one call what a CI job does: it brings an app to what a Plan says, waits until it runs, and
// rolls it back if it does not. It works the same with both API versions.
package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/rest"
)

// A Plan says what an app shall be like. What it leaves out stays as it is, the Procfile of the present build too.
// Printing a Plan shows no values.
type Plan struct {
	App      string             // the app's id; needed
	Create   bool               // make the app if there is none of that id
	Image    string             // what to deploy
	Procfile map[string]string  // process types and their commands
	Config   map[string]*string // environment variables; nil unsets one
	Scale    map[string]int     // how many processes of each type

	// Rollback goes back, after a failure, to the release that the app ran before, if that had a build, and if nobody
	// else has made a newer one meanwhile.
	Rollback bool

	// Progress is told what happens, if it is not nil, one call at a time.
	Progress func(Event)

	Interval time.Duration // how often to look at the pods; a second if it is 0
}

// String shows the plan without the values of its config.
func (p Plan) String() string {
	return fmt.Sprintf("{App:%s Create:%t Image:%s Procfile:%v Config:%v Scale:%v Rollback:%t}", p.App, p.Create, p.Image,
		p.Procfile, slices.Sorted(maps.Keys(p.Config)), p.Scale, p.Rollback)
}

// GoString does the same for %#v.
func (p Plan) GoString() string { return "deploy.Plan" + p.String() }

// A Step is one of the things that Run does, in this order.
type Step string

// The steps.
const (
	StepCreate   Step = "create"
	StepConfig   Step = "config"
	StepBuild    Step = "build"
	StepScale    Step = "scale"
	StepWait     Step = "wait"
	StepRollback Step = "rollback"
)

// An Event is one thing that happens.
type Event struct {
	Step    Step
	Message string        // in one line, for people
	Release int           // the app's current release; 0 as long as it is not known
	Up      int           // how many pods of the release are up, in StepWait
	Want    int           // how many shall be
	Elapsed time.Duration // since Run began
}

// A Result says what Run changed.
type Result struct {
	Created       bool           // the app was made
	ConfigChanged []string       // the variables that were set or unset, sorted
	Built         bool           // the image was deployed
	Scaled        map[string]int // the types whose number changed, and what to
	RolledBack    bool           // the app failed, and runs what it ran before again
	Previous      int            // the release before
	Release       int            // the release now
	Pods          []pods.Pod     // what runs of it
}

// Changed tells whether Run changed anything.
func (r *Result) Changed() bool {
	return r.Created || len(r.ConfigChanged) > 0 || r.Built || len(r.Scaled) > 0 || r.RolledBack
}

// ErrSuperseded says that somebody else made a newer release meanwhile. Match it with errors.Is.
var ErrSuperseded = errors.New("deis: somebody else made a newer release")

const (
	// settleTime is how long a build whose answer was lost is looked for. Real Controllers take a minute to give up a
	// deploy that fails.
	settleTime = 90 * time.Second
	// rollbackTime bounds a rollback, which goes on when the context of Run has ended.
	rollbackTime = 5 * time.Minute

	defaultInterval = time.Second
)

// Run brings an app to what the plan says, and returns when the wanted pods of the new release are up. It sends only
// what differs: run twice, it changes nothing the second time. If the image is the one that runs, it is not deployed
// again, whatever its tag means by now.
//
// Steps: it creates the app, if asked and if there is none; sends the config that differs; deploys the image; scales;
// waits for the pods. A first deploy starts a process of type "cmd" by itself; it does not stay beside the types that
// Scale names, unless the Procfile has it. When the answer to a deploy is lost, by a broken connection or a 504, Run
// looks at the releases to find out what became of it.
//
// After an error, and with Rollback, it goes back to the release before, also when the context has ended. The Result is
// never nil, and says what was done before the error.
func Run(ctx context.Context, client *deis.Client, plan Plan) (*Result, error) {
	r := &run{client: client, plan: plan, result: new(Result), start: time.Now()}
	if err := r.check(); err != nil {
		return r.result, err
	}
	err := r.forward(ctx)
	if err != nil {
		err = fmt.Errorf("deis: deploying app %s: %w", plan.App, err)
	}
	if err != nil && plan.Rollback && r.touched {
		err = errors.Join(err, r.back(context.WithoutCancel(ctx)))
	}
	return r.result, err
}

// A run is one use of Run.
type run struct {
	client *deis.Client
	plan   Plan
	result *Result
	start  time.Time

	before    releases.Release // the release before
	touched   bool             // something was sent that changes the app
	structure map[string]int   // what the app is scaled to after the build, which can change it
	former    map[string]int   // what it was scaled to, of the types whose number was changed
}

func (r *run) check() error {
	if err := rest.Path("apps", r.plan.App).Err(); err != nil {
		return err
	}
	for kind, number := range r.plan.Scale {
		if err := rest.Path("apps", r.plan.App, "pods", kind).Err(); err != nil {
			return err
		}
		if number < 0 {
			return rest.InvalidArgument("number of "+kind, "must not be negative")
		}
	}
	switch {
	case r.plan.Image == "" && len(r.plan.Procfile) > 0:
		return rest.InvalidArgument("Procfile", "needs an image to be deployed with")
	case r.plan.Interval < 0:
		return rest.InvalidArgument("interval", "must not be negative")
	}
	return nil
}

func (r *run) forward(ctx context.Context) error {
	for _, step := range []func(context.Context) error{r.create, r.look, r.configure, r.build, r.scale, r.wait} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// tell reports an event.
func (r *run) tell(step Step, format string, args ...any) {
	r.tellEvent(Event{Step: step, Message: fmt.Sprintf(format, args...)})
}

func (r *run) tellEvent(e Event) {
	if r.plan.Progress != nil {
		e.Release, e.Elapsed = r.result.Release, time.Since(r.start)
		r.plan.Progress(e)
	}
}

// create makes sure that there is an app.
func (r *run) create(ctx context.Context) error {
	_, err := r.client.Apps.Get(ctx, r.plan.App)
	if errors.Is(err, deis.ErrNotFound) && r.plan.Create {
		_, err = r.client.Apps.Create(ctx, apps.CreateParams{ID: r.plan.App})
		r.result.Created = err == nil
		if errors.Is(err, apps.ErrExists) { // somebody was faster
			_, err = r.client.Apps.Get(ctx, r.plan.App)
		}
	}
	if err != nil {
		return err
	}
	if r.result.Created {
		r.tell(StepCreate, "created app %s", r.plan.App)
	}
	return nil
}

// look learns which release the app has.
func (r *run) look(ctx context.Context) error {
	release, err := r.current(ctx)
	if err != nil {
		return err
	}
	r.before = *release
	r.result.Previous, r.result.Release = release.Version, release.Version
	return nil
}

// current is the app's newest release.
func (r *run) current(ctx context.Context) (*releases.Release, error) {
	page, err := r.client.Releases.List(ctx, r.plan.App, releases.ListOptions{PageSize: 1})
	if err != nil {
		return nil, err
	}
	if len(page.Items) == 0 {
		return nil, fmt.Errorf("app %s has no release", r.plan.App)
	}
	return &page.Items[0], nil
}

// configure sends the part of the config that differs.
func (r *run) configure(ctx context.Context) error {
	if len(r.plan.Config) == 0 {
		return nil
	}
	have, err := r.client.Config.Get(ctx, r.plan.App)
	if err != nil {
		return err
	}
	changes := make(map[string]*string)
	for key, value := range r.plan.Config {
		if now, set := have.Values[key]; set != (value != nil) || set && now != *value {
			changes[key] = value
		}
	}
	if len(changes) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(changes))
	r.tell(StepConfig, "changing %s", strings.Join(names, ", "))
	r.touched = true
	made, err := r.client.Config.Set(ctx, r.plan.App, config.Changes{Values: changes})
	if errors.Is(err, config.ErrUnchanged) { // somebody did the same meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	r.result.ConfigChanged = names
	if made, err = r.undoRevival(ctx, made, have.Values, changes); err != nil {
		return err
	}
	if err := r.follow(ctx, func(release releases.Release) bool { return release.Config == made.UUID }); err != nil {
		return err
	}
	r.tell(StepConfig, "changed %s", strings.Join(names, ", "))
	return nil
}

// undoRevival takes back what a change brought back beside itself: v1.6 Controllers merge it into the config that was
// made last, which a rollback or a failure may have put out of use. 2.x Controllers do not.
func (r *run) undoRevival(
	ctx context.Context, made *config.Config, before map[string]string, changes map[string]*string,
) (*config.Config, error) {
	api, err := r.client.Negotiate(ctx)
	if err != nil || api.Major >= 2 {
		return made, err
	}
	now, err := r.client.Config.Get(ctx, r.plan.App)
	if err != nil {
		return made, err
	}
	revived := make(map[string]*string)
	for key, value := range now.Values {
		if _, meant := changes[key]; !meant && before[key] != value {
			revived[key] = nil
		}
	}
	for key, value := range before {
		if _, meant := changes[key]; !meant && now.Values[key] != value {
			revived[key] = &value
		}
	}
	if len(revived) == 0 {
		return made, nil
	}
	r.tell(StepConfig, "undoing what the Controller brought back: %s", strings.Join(slices.Sorted(maps.Keys(revived)), ", "))
	return r.client.Config.Set(ctx, r.plan.App, config.Changes{Values: revived})
}

// follow finds the release that a change made, among those since the last that is known.
func (r *run) follow(ctx context.Context, made func(releases.Release) bool) error {
	for release, err := range r.client.Releases.All(ctx, r.plan.App, releases.ListOptions{}) {
		switch {
		case err != nil:
			return err
		case release.Version <= r.result.Release:
			return fmt.Errorf("there is no release of the change that was made after v%d", r.result.Release)
		case made(release):
			r.result.Release = release.Version
			return nil
		}
	}
	return fmt.Errorf("app %s has no release", r.plan.App)
}

// build deploys the image, unless it is what runs.
func (r *run) build(ctx context.Context) error {
	if r.plan.Image == "" {
		return nil
	}
	present, err := r.findBuild(ctx, r.before.Build)
	if err != nil {
		return err
	}
	if r.plan.Procfile == nil { // it stays as it is
		r.plan.Procfile = present.Procfile
	}
	if r.wants(present) {
		return nil
	}
	r.tell(StepBuild, "deploying %s", r.plan.Image)
	r.touched = true
	build, err := r.client.Builds.Create(ctx, r.plan.App, builds.CreateParams{Image: r.plan.Image, Procfile: r.plan.Procfile})
	switch {
	case err == nil:
		err = r.follow(ctx, func(release releases.Release) bool { return release.Build == build.UUID })
	case answerLost(err):
		r.tell(StepBuild, "no answer to the deploy; looking at the releases")
		err = r.settle(ctx, err)
	}
	if err != nil {
		return err
	}
	r.result.Built = true
	r.tell(StepBuild, "deployed %s", r.plan.Image)
	return nil
}

// wants tells whether a build is what the plan wants to run.
func (r *run) wants(build builds.Build) bool {
	return build.Image == r.plan.Image && maps.Equal(build.Procfile, r.plan.Procfile)
}

// findBuild finds the build of a UUID; without a UUID, or a build, it is the zero Build.
func (r *run) findBuild(ctx context.Context, uuid string) (builds.Build, error) {
	if uuid == "" {
		return builds.Build{}, nil
	}
	for build, err := range r.client.Builds.All(ctx, r.plan.App, builds.ListOptions{}) {
		if err != nil || build.UUID == uuid {
			return build, err
		}
	}
	return builds.Build{}, nil
}

// answerLost tells whether a request was sent, but nobody knows what became of it: the connection broke, before the
// answer or in it, or something on the way gave up.
func answerLost(err error) bool {
	var failed *deis.Error
	if !errors.As(err, &failed) || failed.Attempts == 0 {
		return false
	}
	var connection *net.OpError
	if errors.As(err, &connection) && connection.Op == "dial" {
		return false // nothing was sent
	}
	switch failed.StatusCode {
	case 0, http.StatusOK, http.StatusCreated, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// settle looks for the release that a build made whose answer was lost, for as long as a build can take. If there is
// none, the error is the one that the build came with.
func (r *run) settle(ctx context.Context, lost error) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	tick := time.NewTicker(r.interval())
	defer tick.Stop()
	for {
		err := r.follow(ctx, func(release releases.Release) bool {
			build, err := r.findBuild(ctx, release.Build)
			return err == nil && release.Build != r.before.Build && r.wants(build)
		})
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return lost
		}
	}
}

func (r *run) interval() time.Duration { return cmp.Or(r.plan.Interval, defaultInterval) }

// scale learns what the app is scaled to, and asks for the numbers that differ.
func (r *run) scale(ctx context.Context) error {
	app, err := r.client.Apps.Get(ctx, r.plan.App)
	if err != nil {
		return err
	}
	r.structure = app.Structure
	differ := make(map[string]int)
	for kind, number := range r.wanted() {
		if r.structure[kind] != number {
			differ[kind] = number
		}
	}
	if len(differ) == 0 {
		return nil
	}
	r.tell(StepScale, "scaling to %s", numbers(differ))
	r.touched = true
	r.former = make(map[string]int)
	for kind := range differ {
		r.former[kind] = r.structure[kind]
	}
	if err := r.client.Pods.Scale(ctx, r.plan.App, differ); err != nil {
		// Real 2.2 Controllers have stored the numbers, and would answer the next run's scale without doing anything.
		return errors.Join(err, r.unscale(context.WithoutCancel(ctx)))
	}
	r.result.Scaled = differ
	r.tell(StepScale, "scaled to %s", numbers(differ))
	return nil
}

// numbers writes how many of each type, "web=2 worker=1".
func numbers(structure map[string]int) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(structure)) {
		parts = append(parts, fmt.Sprintf("%s=%d", kind, structure[kind]))
	}
	return strings.Join(parts, " ")
}

// wanted is what the app shall be scaled to: what the plan says and, for the types that it does not name, what there
// is.
func (r *run) wanted() map[string]int {
	want := maps.Clone(r.structure)
	if want == nil {
		want = make(map[string]int)
	}
	maps.Copy(want, r.plan.Scale)
	_, named := r.plan.Scale["cmd"]
	_, known := r.plan.Procfile["cmd"]
	if len(r.plan.Scale) > 0 && len(r.plan.Procfile) > 0 && !named && !known && want["cmd"] > 0 {
		want["cmd"] = 0 // the first build started it by itself
	}
	return want
}

// wait waits until the pods of the current release are up.
func (r *run) wait(ctx context.Context) error {
	release, err := r.current(ctx)
	if err != nil {
		return err
	}
	if release.Version != r.result.Release {
		return fmt.Errorf("%w: v%d after v%d", ErrSuperseded, release.Version, r.result.Release)
	}
	if release.Build == "" { // nothing can run yet
		return nil
	}
	r.result.Pods, err = r.waitFor(ctx, StepWait, release.Version, r.wanted())
	return err
}

// waitFor waits until the wanted pods of a release are up, and tells how many are.
func (r *run) waitFor(ctx context.Context, step Step, release int, want map[string]int) ([]pods.Pod, error) {
	total := 0
	for _, number := range want {
		total += number
	}
	if total == 0 {
		return nil, nil
	}
	told := -1
	return r.client.Pods.WaitReady(ctx, r.plan.App, pods.WaitOptions{
		Release:  release,
		Want:     want,
		Interval: r.interval(),
		Progress: func(all []pods.Pod) {
			up := 0
			for _, pod := range all {
				if pod.State == "up" {
					up++
				}
			}
			if up != told {
				told = up
				r.tellEvent(Event{Step: step, Message: fmt.Sprintf("%d of %d pods up", up, total), Up: up, Want: total})
			}
		},
	})
}

// back returns to the release, and the numbers, that the app had before.
func (r *run) back(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rollbackTime)
	defer cancel()
	if r.before.Build == "" {
		return errors.New("not rolled back: the app ran nothing before")
	}
	if r.result.Scaled != nil {
		if err := r.unscale(ctx); err != nil {
			return fmt.Errorf("not rolled back: %w", err)
		}
	}
	now, err := r.current(ctx)
	if err != nil {
		return fmt.Errorf("not rolled back: %w", err)
	}
	if now.Version == r.before.Version { // the Controller took the failed release back by itself
		r.result.Release = now.Version
		r.tell(StepRollback, "the app still has release v%d", now.Version)
		return nil
	}
	build, err := r.findBuild(ctx, now.Build)
	if err != nil {
		return fmt.Errorf("not rolled back: %w", err)
	}
	// A deploy that failed can leave a release behind, which this run knows by its build only.
	if left := now.Build != r.before.Build && r.wants(build); now.Version != r.result.Release && !left {
		return fmt.Errorf("not rolled back: %w: v%d", ErrSuperseded, now.Version)
	}
	r.tell(StepRollback, "rolling back to v%d", r.before.Version)
	version, err := r.client.Releases.Rollback(ctx, r.plan.App, r.before.Version)
	if err != nil {
		return fmt.Errorf("not rolled back: %w", err)
	}
	r.result.RolledBack, r.result.Release = true, version
	app, err := r.client.Apps.Get(ctx, r.plan.App)
	if err != nil {
		return err
	}
	r.result.Pods, err = r.waitFor(ctx, StepRollback, version, app.Structure)
	if err != nil {
		return fmt.Errorf("rolled back to v%d, but: %w", r.before.Version, err)
	}
	r.tell(StepRollback, "rolled back to v%d", r.before.Version)
	return nil
}

// unscale asks for the numbers that there were before.
func (r *run) unscale(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rollbackTime)
	defer cancel()
	if err := r.client.Pods.Scale(ctx, r.plan.App, r.former); err != nil {
		return fmt.Errorf("scaling back to %s: %w", numbers(r.former), err)
	}
	r.tell(StepScale, "scaled back to %s", numbers(r.former))
	r.result.Scaled = nil
	return nil
}
