// Package deploy does in one call what a CI job does: it brings an app to what a Plan says, waits until it runs, and
// takes it back if it does not. It works the same with every API version.
//
//	result, err := deploy.Run(ctx, client, deploy.Plan{
//		App: "example-go", Create: true, Image: "registry.example.com/example-go:v2",
//		Procfile: map[string]string{"web": "./serve"}, Scale: map[string]int{"web": 2}, Rollback: true,
//	})
//
// A deploy is one loop, in run.go: observe the app, compare it with what it shall be, send the first change that is
// needed, and observe again. It goes back with the same loop, towards the app as it was.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/settings"
)

// A Plan says what an app shall be like. What it leaves out stays as it is. Printing a Plan shows no values.
type Plan struct {
	App    string // the app's id; needed
	Create bool   // make the app if there is none of that id

	Image      string            // what to deploy; "" builds nothing
	SHA        string            // the commit that it was built from
	Dockerfile string            // if it was built from one
	Procfile   map[string]string // process types and their commands; if it is empty, the present build's

	Config    config.Changes                 // variables, limits, tags, registry, health checks
	Scale     map[string]int                 // how many processes of each type, of those in the Procfile and "cmd"
	Domains   []string                       // host names that route to the app; others that it has stay
	Autoscale map[string]*settings.Autoscale // for each process type; nil ends it. API 2.3 only

	Maintenance *bool // whether requests get a page that says so. API 2.3 only

	// Force deploys the image also if it is the one that runs, for a tag that has moved.
	Force bool

	// Rollback goes back after a failure, to the release, the numbers and the settings of before. See Run.
	Rollback bool

	Timeout  time.Duration // for all but going back, which has ten minutes of its own; 0 is none
	LogLines int           // how many of the app's last log lines an Error has; 0 is none
	Interval time.Duration // between two looks at first; a second if it is 0. It grows to 5 seconds; see rest.Poll

	// Progress is told what happens, if it is not nil, one call at a time, from any goroutine, and at least every ten
	// seconds.
	Progress func(Event)
}

// String shows the plan without the values of its config.
func (p Plan) String() string {
	return fmt.Sprintf("{App:%s Create:%t Image:%s SHA:%s Procfile:%v Config:%v Scale:%v Domains:%v Autoscale:%v Force:%t Rollback:%t Timeout:%v}",
		p.App, p.Create, p.Image, p.SHA, p.Procfile, p.Config, p.Scale, p.Domains, slices.Sorted(maps.Keys(p.Autoscale)), p.Force, p.Rollback, p.Timeout)
}

// GoString does the same for %#v.
func (p Plan) GoString() string { return "deploy.Plan" + p.String() }

// A Step is one of the things that Run does.
type Step string

// The steps, in the order in which Run takes them.
const (
	StepCreate   Step = "create"
	StepHeal     Step = "heal" // mend what an earlier deploy has left behind
	StepConfig   Step = "config"
	StepBuild    Step = "build"
	StepScale    Step = "scale"
	StepDomains  Step = "domains"
	StepSettings Step = "settings"
	StepWait     Step = "wait"
	StepRollback Step = "rollback"
)

// An Event is one thing that happens, or the news that it still goes on.
type Event struct {
	Step    Step
	Message string        // in one line, for people
	Release int           // what the app runs; 0 as long as it is not known
	Up      int           // how many of the wanted pods are up, while Run waits for them
	Want    int           // how many shall be
	Elapsed time.Duration // since Run began
}

// A Change is something that Run would do.
type Change struct {
	Step Step   `json:"step"`
	What string `json:"what"` // in one line, for people, without the values of the config
}

// A Result says what is different from before, as it was observed at the end.
type Result struct {
	Created         bool           // the app was made
	ConfigChanged   []string       // what changed of the plan's config, sorted: "GREETING", "memory.web"
	Built           bool           // the app runs Run's build
	Scaled          map[string]int // the process types whose number changed, and what to
	DomainsAdded    []string       // the plan's host names that the app did not have
	SettingsChanged []string       // "maintenance", "autoscale.web"
	RolledBack      bool           // Run failed, and the release that ran before was deployed again
	Previous        int            // the release that ran before
	Release         int            // the release that runs
	Pods            []pods.Pod     // its pods
}

// Changed reports whether anything is different from before.
func (r *Result) Changed() bool {
	return r.Created || r.Built || r.RolledBack || len(r.ConfigChanged)+len(r.Scaled)+len(r.DomainsAdded)+len(r.SettingsChanged) > 0
}

// Reasons for failure. Match them with errors.Is.
var (
	// ErrSuperseded says that somebody else made a release meanwhile, or made the app anew. Run undoes nothing then.
	ErrSuperseded = errors.New("deis: somebody else changed the app meanwhile")
	// ErrTimeout says that the plan's Timeout has passed.
	ErrTimeout = errors.New("deis: the deploy took longer than its timeout")
	// ErrUndone says that something is left undone: see Error.Undone.
	ErrUndone = errors.New("deis: something is left undone")
)

// Run brings an app to what the plan says, and returns when the wanted pods of its release are up. It sends only what
// differs: run twice, it changes nothing the second time.
//
// It creates the app, if asked and if there is none; mends what an earlier deploy has left behind; changes the config;
// deploys the image; scales; adds domains; changes settings; and waits. A first deploy starts one process of type "cmd" or
// "web" by itself; a "cmd" does not stay beside the types that Scale names, unless the Procfile has it. At least as many
// pods as wanted are enough, and where an autoscaler scales a type, as many as its minimum.
//
// No change is sent twice. Where nobody knows what became of one, because its response was lost or is not the
// Controller's, Run looks for up to two minutes whether it was carried out. Once it has changed something, it does not
// give up because the Controller is down for a moment.
//
// Mending means: the pods of a release are missing, or a v1.6 Controller has kept the release of a failed deploy. If that is
// so for two minutes, Run rolls back to the release that runs, which makes the Controller deploy it again.
//
// After an error, and with Rollback, Run goes back: to the release that ran before, the numbers and the settings, as far
// as they are its own doing. It does so also when the context has ended; a request that is under way then has two minutes
// to be responded to, because a Controller goes on when its client has left, and a late deploy overwrites a rollback. An
// app that Run created stays, and so do the domains that it added. If the app had no build before, there is nothing to go
// back to.
//
// Run undoes nothing that others do. Once somebody else makes a release after Run's first change, the error matches
// ErrSuperseded and nothing is rolled back. Numbers that others change while Run waits are not changed back.
//
// On v1.6 Controllers, the variables of a change that failed would fail every later change. Run sets them back, also
// without Rollback.
//
// The Result is never nil. An error is one line; it is an *Error, unless Plan.Check has found it.
func Run(ctx context.Context, client *deis.Client, plan Plan) (*Result, error) {
	if err := plan.Check(); err != nil {
		return new(Result), err
	}
	r := newRun(client, plan)
	defer r.beat()()
	bounded, cancel := ctx, func() {}
	if plan.Timeout > 0 {
		bounded, cancel = context.WithTimeoutCause(ctx, plan.Timeout, fmt.Errorf("%w of %v", ErrTimeout, plan.Timeout))
	}
	defer cancel()
	err := r.reach(bounded, r.forward)
	if err == nil {
		return r.outcome(), nil
	}
	timedOut := errors.Is(context.Cause(bounded), ErrTimeout) && errors.Is(err, context.DeadlineExceeded)
	failed := r.failure(context.WithoutCancel(ctx), err)
	failed.timedOut = timedOut
	r.goBack(context.WithoutCancel(ctx), failed)
	return r.outcome(), failed
}

// Diff returns what Run would change, in order. It looks once and changes nothing. What a Controller does by itself during
// a build, such as starting a first process, is not in it.
func Diff(ctx context.Context, client *deis.Client, plan Plan) ([]Change, error) {
	if err := plan.Check(); err != nil {
		return nil, err
	}
	r := newRun(client, plan)
	changes := []Change{}
	s, err := r.observe(ctx)
	if err == nil {
		var actions []*action
		actions, err = r.forward(s)
		for _, a := range actions {
			changes = append(changes, a.Change)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("comparing app %s with its plan: %w", plan.App, err)
	}
	return changes, nil
}
