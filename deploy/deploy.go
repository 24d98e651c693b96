// Package deploy does in one call what a CI job does: it brings an app to what a Plan says, waits until it runs, and
// rolls it back if it does not. It works the same with both API versions.
package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
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
	Scale    map[string]int     // how many processes of each type, of those in the Procfile and "cmd"

	// Rollback goes back, after a failure, to the release that the app ran before, if that had a build, and if nobody
	// else has made a release since.
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

// A Result says what Run changed. What the Controller is known to have carried out is in it, whatever failed later.
type Result struct {
	Created       bool           // the app was made
	ConfigChanged []string       // the variables that were set or unset, sorted
	Built         bool           // the image was deployed
	Scaled        map[string]int // the types whose number changed, and what to
	RolledBack    bool           // the app failed, and runs what it ran before again
	Previous      int            // the release that ran before
	Release       int            // the release now
	Pods          []pods.Pod     // what runs of it
}

// Changed tells whether Run changed anything.
func (r *Result) Changed() bool {
	return r.Created || len(r.ConfigChanged) > 0 || r.Built || len(r.Scaled) > 0 || r.RolledBack
}

// ErrSuperseded says that somebody else made a release meanwhile, so that the app does not run Run's any more, or Run's
// cannot be taken back alone. Match it with errors.Is.
var ErrSuperseded = errors.New("deis: somebody else made a newer release")

// rollbackTime bounds a rollback, which goes on when the context of Run has ended.
const rollbackTime = 5 * time.Minute

// Run brings an app to what the plan says, and returns when the wanted pods of the new release are up. It sends only
// what differs: run twice, it changes nothing the second time. If the image is the one that runs, it is not deployed
// again, whatever its tag means by now.
//
// Steps: it creates the app, if asked and if there is none; sends the config that differs; deploys the image; scales;
// waits for the pods. A first deploy starts one process of type "cmd" by itself; it does not stay beside the types that
// Scale names, unless the Procfile has it. If none of the types in the Procfile is to run, Progress is told.
//
// When the answer to a change is lost, by a broken connection or a 504, Run looks at the releases to find out what
// became of it. Once it has changed something, it does not give up because the Controller is down for a moment.
//
// Run undoes nothing that it sees others do. If somebody else makes a newer release than Run's, the error is
// ErrSuperseded as soon as that is seen, and nothing is rolled back; it is ErrSuperseded, too, if somebody was between the
// last look and the rollback. With v1.6, where a change of the config also brings back what was rolled back once, Run
// undoes that; if it could be somebody else's doing as well, it is ErrSuperseded.
//
// After an error, and with Rollback, Run goes back to the release and the numbers before, also when the context has
// ended. A scale that failed with a 5xx or without an answer is taken back in any case: real 2.2 Controllers store its
// numbers, and would answer the next run's scale without doing anything. If the context ends while a change is not
// answered, going back begins with looking for it, for up to 90 seconds.
//
// A v1.6 Controller keeps the release of a deploy that failed, while the pods of an older one run on. Run counts the older
// one as what the app runs.
//
// The Result is never nil, and says what was done before the error. The error is one line; if going back failed as
// well, it matches both reasons.
func Run(ctx context.Context, client *deis.Client, plan Plan) (*Result, error) {
	r := &run{client: client, plan: plan, result: new(Result), start: time.Now()}
	if err := r.check(); err != nil {
		return r.result, err
	}
	err := r.forward(ctx)
	if err != nil {
		err = fmt.Errorf("deploying app %s: %w", plan.App, err)
	}
	if err != nil && plan.Rollback && r.touched {
		err = r.undo(context.WithoutCancel(ctx), err)
	}
	return r.result, err
}

// A run is one use of Run.
type run struct {
	client *deis.Client
	plan   Plan
	result *Result
	start  time.Time

	newest    releases.Release   // the release that was the newest before
	before    releases.Release   // the release that ran before; another one where the newest failed
	former    map[string]int     // what the app was scaled to before
	mine      []releases.Release // those that this run made since
	last      change             // that was sent last, as long as its release is not found
	guessed   bool               // a change was recognised without its answer
	touched   bool               // something was sent that changes the app
	structure map[string]int     // what the app is scaled to after the build, which can change it
}

func (r *run) check() error {
	if err := rest.Path("apps", r.plan.App).Err(); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(r.plan.Scale)) {
		if err := rest.Path("apps", r.plan.App, "pods", kind).Err(); err != nil {
			return err
		}
		if r.plan.Scale[kind] < 0 {
			return rest.InvalidArgument("number of "+kind, "must not be negative")
		}
	}
	if r.plan.Image != "" {
		if err := (builds.CreateParams{Image: r.plan.Image}).Check(); err != nil {
			return err
		}
	}
	if len(r.plan.Config) > 0 {
		if err := (config.Changes{Values: r.plan.Config}).Check(); err != nil {
			return err
		}
	}
	switch {
	case r.plan.Image == "" && len(r.plan.Procfile) > 0:
		return rest.InvalidArgument("Procfile", "needs an image to be deployed with")
	case r.plan.Interval < 0:
		return rest.InvalidArgument("interval", "must not be negative")
	}
	return r.checkTypes()
}

// checkTypes refuses to scale what the Procfile does not have. Every app can have a cmd.
func (r *run) checkTypes() error {
	for _, kind := range slices.Sorted(maps.Keys(r.plan.Scale)) {
		_, known := r.plan.Procfile[kind]
		_, runs := r.former[kind]
		if len(r.plan.Procfile) > 0 && !known && !runs && kind != "cmd" {
			return rest.InvalidArgument(fmt.Sprintf("process type %q", kind),
				"is not in the Procfile: "+strings.Join(slices.Sorted(maps.Keys(r.plan.Procfile)), ", "))
		}
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
	app, err := r.app(ctx)
	if errors.Is(err, deis.ErrNotFound) && r.plan.Create {
		app, err = resend(func() (*apps.App, error) { return r.client.Apps.Create(ctx, apps.CreateParams{ID: r.plan.App}) })
		exists := errors.Is(err, apps.ErrExists) // somebody was faster
		r.touched = !exists && (err == nil || mayBeDone(err))
		if failure := err; failure != nil && (exists || r.touched) {
			if app, err = r.app(ctx); err != nil {
				err = failure
			}
		}
		r.result.Created = err == nil && !exists
	}
	if err != nil {
		return err
	}
	r.former = app.Structure
	if r.result.Created {
		r.tell(StepCreate, "created app %s", r.plan.App)
	}
	return nil
}

// look learns which release the app has, and which one runs.
func (r *run) look(ctx context.Context) (err error) {
	if r.newest, err = r.findNewest(ctx); err != nil {
		return err
	}
	r.before, err = r.running(ctx)
	r.result.Previous, r.result.Release = r.before.Version, r.newest.Version
	return err
}

// running is the newest release or, where a v1.6 Controller has kept that of a deploy that failed, the one whose pods run.
func (r *run) running(ctx context.Context) (releases.Release, error) {
	api, err := r.client.Negotiate(ctx)
	if err != nil || api.Major >= 2 || r.newest.Build == "" {
		return r.newest, err
	}
	latest := 0
	for pod, err := range r.client.Pods.All(ctx, r.plan.App, pods.ListOptions{}) {
		if err != nil { // nothing speaks against the newest
			return r.newest, nil
		}
		version, err := strconv.Atoi(strings.TrimPrefix(pod.Release, "v"))
		if err == nil && (pod.State == "up" || version == r.newest.Version) {
			latest = max(latest, version)
		}
	}
	if latest == 0 || latest == r.newest.Version {
		return r.newest, nil
	}
	release, err := ask(ctx, r, func() (*releases.Release, error) { return r.client.Releases.Get(ctx, r.plan.App, latest) })
	if err != nil {
		return r.newest, err
	}
	if r.plan.Image == "" {
		return *release, fmt.Errorf("deis: release v%d failed, and v%d runs on: deploy an image, or roll back", r.newest.Version, latest)
	}
	return *release, nil
}

// configure sends the part of the config that differs.
func (r *run) configure(ctx context.Context) error {
	err := r.setWanted(ctx)
	if errors.Is(err, config.ErrUnchanged) || errors.Is(err, config.ErrNotSet) { // somebody did the same meanwhile
		if err := r.look(ctx); err != nil {
			return err
		}
		err = r.setWanted(ctx)
	}
	if errors.Is(err, config.ErrUnchanged) { // what differs is not to be seen, as HEALTHCHECK_URL in 2.2
		return nil
	}
	return err
}

func (r *run) setWanted(ctx context.Context) error {
	if len(r.plan.Config) == 0 {
		return nil
	}
	have, err := r.config(ctx)
	if err != nil {
		return err
	}
	changes := config.Changes{Values: missing(have.Values, r.plan.Config)}
	if len(changes.Values) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(changes.Values))
	r.tell(StepConfig, "changing %s", strings.Join(names, ", "))
	if err := r.setConfig(ctx, have.Values, changes, func() { r.result.ConfigChanged = names }); err != nil {
		return err
	}
	if err := r.undoRevival(ctx, have, changes.Values); err != nil {
		return err
	}
	r.tell(StepConfig, "changed %s", strings.Join(names, ", "))
	return nil
}

// missing is the part of what is wanted that is not so yet; nil means not to be set.
func missing(have map[string]string, want map[string]*string) map[string]*string {
	differ := make(map[string]*string)
	for key, value := range want {
		if now, set := have[key]; set != (value != nil) || set && now != *value {
			differ[key] = value
		}
	}
	return differ
}

// setConfig changes the config, whose values were those before.
func (r *run) setConfig(ctx context.Context, before map[string]string, changes config.Changes, done func()) error {
	return r.change(ctx, change{
		step: StepConfig,
		send: func() (string, error) {
			made, err := r.client.Config.Set(ctx, r.plan.App, changes)
			if err != nil {
				return "", err
			}
			return made.UUID, nil
		},
		made: func(ctx context.Context, release releases.Release) (bool, error) {
			now, err := r.config(ctx)
			if err != nil {
				return false, err
			}
			undone := len(missing(now.Values, changes.Values)) + len(missing(now.Memory, changes.Memory)) +
				len(missing(now.CPU, changes.CPU)) + len(missing(now.Tags, changes.Tags))
			if api, err := r.client.Negotiate(ctx); err == nil && api.Major >= 2 { // v1.6 may bring back more
				undone += len(wayBack(now.Values, before, changes.Values))
			}
			return release.Build == r.newest.Build && release.Config == now.UUID && undone == 0, nil
		},
		done: done,
	})
}

// undoRevival takes back what a change brought back beside itself: v1.6 Controllers merge it into the config that was
// made last, which a rollback or a failure may have put out of use. 2.x Controllers do not.
func (r *run) undoRevival(ctx context.Context, before *config.Config, meant map[string]*string) error {
	api, err := r.client.Negotiate(ctx)
	if err != nil || api.Major >= 2 {
		return err
	}
	now, err := r.config(ctx)
	if err != nil {
		return err
	}
	revived := config.Changes{
		Values: wayBack(now.Values, before.Values, meant),
		Memory: wayBack(now.Memory, before.Memory, nil),
		CPU:    wayBack(now.CPU, before.CPU, nil),
		Tags:   wayBack(now.Tags, before.Tags, nil),
	}
	var names []string
	for _, part := range []map[string]*string{revived.Values, revived.Memory, revived.CPU, revived.Tags} {
		names = slices.AppendSeq(names, maps.Keys(part))
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	list := strings.Join(slices.Compact(names), ", ")
	if made := r.mine[0]; r.guessed || made.Version != r.newest.Version+1 || made.Config != now.UUID { // it can be of others
		return fmt.Errorf("%w: that may have changed %s, or the Controller brought it back", ErrSuperseded, list)
	}
	r.tell(StepConfig, "undoing what the Controller brought back: %s", list)
	return r.setConfig(ctx, now.Values, revived, func() {})
}

// wayBack is what changes now into before, but for what was meant to change.
func wayBack(now, before map[string]string, meant map[string]*string) map[string]*string {
	want := make(map[string]*string)
	for key := range now {
		want[key] = nil
	}
	for key, value := range before {
		want[key] = &value
	}
	maps.DeleteFunc(want, func(key string, _ *string) bool { _, was := meant[key]; return was })
	return missing(now, want)
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
		if err := r.checkTypes(); err != nil {
			return err
		}
	}
	if r.wants(present) && r.before.UUID == r.newest.UUID {
		return nil
	}
	r.tell(StepBuild, "deploying %s", r.plan.Image)
	err = r.change(ctx, change{
		step: StepBuild,
		send: func() (string, error) {
			build, err := r.client.Builds.Create(ctx, r.plan.App, builds.CreateParams{Image: r.plan.Image, Procfile: r.plan.Procfile})
			if err != nil {
				return "", err
			}
			return build.UUID, nil
		},
		made: func(ctx context.Context, release releases.Release) (bool, error) {
			build, err := r.findBuild(ctx, release.Build)
			return r.wants(build), err
		},
		done: func() { r.result.Built = true },
	})
	if err != nil {
		return err
	}
	r.tell(StepBuild, "deployed %s", r.plan.Image)
	return nil
}

// wants tells whether a build is what the plan wants to run.
func (r *run) wants(build builds.Build) bool {
	return build.Image == r.plan.Image && maps.Equal(build.Procfile, r.plan.Procfile)
}

// scale learns what the app is scaled to, and asks for the numbers that differ.
func (r *run) scale(ctx context.Context) error {
	app, err := r.app(ctx)
	if err != nil {
		return err
	}
	r.structure = app.Structure
	want := r.wanted()
	if differ := differing(r.structure, want); len(differ) > 0 {
		r.tell(StepScale, "scaling to %s", numbers(differ))
		r.touched = true
		if err := r.setScale(ctx, differ); err != nil {
			if mayBeDone(err) {
				err = both(err, r.scaleBack(context.WithoutCancel(ctx), differing(want, r.structure)))
			}
			return err
		}
		r.result.Scaled = differ
		r.tell(StepScale, "scaled to %s", numbers(differ))
	}
	r.warn()
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
	if len(r.plan.Scale) > 0 && len(r.plan.Procfile) > 0 && !named && !known && want["cmd"] == 1 {
		want["cmd"] = 0 // the first build started it by itself
	}
	return want
}

// warn tells if no type of the Procfile is to run, as after a first deploy that scales nothing.
func (r *run) warn() {
	want := r.wanted()
	maps.DeleteFunc(want, func(_ string, number int) bool { return number == 0 })
	types := slices.Sorted(maps.Keys(r.plan.Procfile))
	if len(types) == 0 || slices.ContainsFunc(types, func(kind string) bool { return want[kind] > 0 }) {
		return
	}
	runs := "nothing"
	if len(want) > 0 {
		runs = "only " + numbers(want)
	}
	r.tell(StepScale, "no process of %s is asked for: %s runs; scale them", strings.Join(types, " or "), runs)
}

// wait waits until the pods of the current release are up.
func (r *run) wait(ctx context.Context) (err error) {
	if r.newest.Build == "" && r.plan.Image == "" { // nothing can run yet
		return nil
	}
	r.result.Pods, err = r.waitFor(ctx, StepWait, r.wanted())
	return err
}

// waitFor waits until the wanted pods of the current release are up, and tells how many are. It ends when the app gets
// another release.
func (r *run) waitFor(ctx context.Context, step Step, want map[string]int) ([]pods.Pod, error) {
	total := 0
	for _, number := range want {
		total += number
	}
	if total == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var replaced error
	told := -1
	ready, err := r.client.Pods.WaitReady(ctx, r.plan.App, pods.WaitOptions{
		Release:  r.result.Release,
		Want:     want,
		Interval: r.plan.Interval,
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
			if replaced = r.replaced(ctx); replaced != nil {
				cancel()
			}
		},
	})
	if replaced != nil {
		err = replaced
	}
	return ready, err
}

// replaced is an error if the app has another release by now.
func (r *run) replaced(ctx context.Context) error {
	now, err := r.findNewest(ctx)
	switch {
	case err != nil: // the next look will tell
		return nil
	case now.Version > r.result.Release:
		return fmt.Errorf("%w: v%d after v%d", ErrSuperseded, now.Version, r.result.Release)
	case now.Version < r.result.Release:
		return fmt.Errorf("deis: the Controller took release v%d back", r.result.Release)
	}
	return nil
}

// undo goes back, and returns the error that made it do so with what became of that.
func (r *run) undo(ctx context.Context, failure error) error {
	if errors.Is(failure, ErrSuperseded) {
		return fmt.Errorf("%w; not rolled back", failure)
	}
	err := r.back(ctx)
	switch {
	case err == nil:
		return failure
	case r.result.RolledBack:
		return fmt.Errorf("%w; rolled back to v%d, but: %w", failure, r.before.Version, err)
	}
	return fmt.Errorf("%w; not rolled back: %w", failure, err)
}

// back returns to the release, and the numbers, that the app had before.
func (r *run) back(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rollbackTime)
	defer cancel()
	if r.before.Build == "" {
		return errors.New("the app ran nothing before")
	}
	now, err := r.findMine(ctx)
	if err != nil {
		return err
	}
	if now.UUID == r.newest.UUID { // nothing was made, or the Controller took it back by itself
		r.result.Release = now.Version
		r.tell(StepRollback, "the app still has release v%d", now.Version)
	} else {
		err = r.rollback(ctx, now)
	}
	app, lookErr := r.app(ctx)
	if lookErr != nil {
		return cmp.Or(err, lookErr)
	}
	// Builds change numbers, too, and a release that could not be rolled back is not left with others.
	if differ := differing(app.Structure, r.former); len(differ) > 0 {
		err = both(err, r.scaleBack(ctx, differ))
	}
	if err != nil || !r.result.RolledBack {
		return err
	}
	if r.result.Pods, err = r.waitFor(ctx, StepRollback, r.former); err != nil {
		return err
	}
	r.tell(StepRollback, "rolled back to v%d", r.before.Version)
	return nil
}

// findMine finds the newest release, and makes sure that all since the start are of this run.
func (r *run) findMine(ctx context.Context) (now releases.Release, err error) {
	pending, found := r.last.pending, false
	if pending {
		r.tell(StepRollback, "looking whether the change without an answer is carried out")
		found = r.settle(ctx)
	} else if found, err = r.find(ctx); err != nil { // a change that failed may have left a release behind
		return now, err
	}
	if now, err = r.findNewest(ctx); err != nil {
		return now, err
	}
	history := append([]releases.Release{r.newest}, r.mine...)
	place := slices.IndexFunc(history, func(release releases.Release) bool { return release.UUID == now.UUID })
	switch {
	case place < 0 || now.Version != r.newest.Version+place: // it is of somebody else, or one between is
		return now, fmt.Errorf("%w than v%d", ErrSuperseded, r.newest.Version)
	case pending && !found:
		return now, errors.New("the change without an answer may still be carried out")
	}
	return now, nil
}

// rollback makes the app run the release before again.
func (r *run) rollback(ctx context.Context, now releases.Release) error {
	r.tell(StepRollback, "rolling back to v%d", r.before.Version)
	err := r.change(ctx, change{
		step: StepRollback,
		send: func() (string, error) {
			_, err := r.client.Releases.Rollback(ctx, r.plan.App, r.before.Version)
			return "", err
		},
		made: func(_ context.Context, release releases.Release) (bool, error) {
			return release.Build == r.before.Build && release.Config == r.before.Config, nil
		},
		done: func() { r.result.RolledBack = true },
	})
	if err == nil && r.result.Release != now.Version+1 {
		err = fmt.Errorf("%w just before, which that undid: v%d", ErrSuperseded, r.result.Release-1)
	}
	return err
}

// differing is what scales now to want. Types that are not wanted have no process any more.
func differing(now, want map[string]int) map[string]int {
	differ := make(map[string]int)
	for _, either := range []map[string]int{now, want} {
		for kind := range either {
			if now[kind] != want[kind] {
				differ[kind] = want[kind]
			}
		}
	}
	return differ
}

// both is one error of two, either of which can be nil.
func both(err, other error) error {
	if err == nil || other == nil {
		return cmp.Or(err, other)
	}
	return fmt.Errorf("%w; %w", err, other)
}

func (r *run) setScale(ctx context.Context, structure map[string]int) error {
	_, err := resend(func() (struct{}, error) { return struct{}{}, r.client.Pods.Scale(ctx, r.plan.App, structure) })
	return err
}

// scaleBack asks for numbers that there were before.
func (r *run) scaleBack(ctx context.Context, former map[string]int) error {
	ctx, cancel := context.WithTimeout(ctx, rollbackTime)
	defer cancel()
	if err := r.setScale(ctx, former); err != nil {
		return fmt.Errorf("scaling back to %s: %w", numbers(former), err)
	}
	r.tell(StepScale, "scaled back to %s", numbers(former))
	r.result.Scaled = nil
	return nil
}
