// Package deploy does what a CI job does, in one call: it brings an app to the state that a Plan describes, waits until
// the app runs, and goes back if it does not. It works the same with every API version.
//
//	result, err := deploy.Run(ctx, client, deploy.Plan{
//		App: "example-go", Create: true, Image: "registry.example.com/example-go:v2",
//		Procfile: map[string]string{"web": "./serve"}, Scale: map[string]int{"web": 2}, Rollback: true,
//	})
//
// A deploy is one loop, in run.go: observe the app, compare it with the target, send the first change that is needed, and
// observe again. Going back is the same loop with another target: the app as it was before.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/settings"
)

// A Plan describes the state that an app should be in. What it leaves out stays as it is. Printing a Plan does not show
// the values of its config.
type Plan struct {
	App    string // the app's id; required
	Create bool   // create the app if it does not exist

	Image      string            // the image to deploy; "" deploys none
	SHA        string            // the commit that the image was built from, if any
	Dockerfile string            // the Dockerfile that the image was built from, if any
	Procfile   map[string]string // process types and their commands; if it is empty, those of the current build

	Config    config.Changes                 // variables, limits, tags, registry, health checks
	Scale     map[string]int                 // the number of pods of each type that is in the Procfile, and of "cmd"
	Domains   []string                       // domains that route to the app; other domains of the app stay
	Autoscale map[string]*settings.Autoscale // by process type; nil ends autoscaling. API 2.3 only

	Maintenance *bool // whether the router responds with a maintenance page. API 2.3 only

	// Force deploys the image even if the app runs it already, for a tag that has moved.
	Force bool

	// Rollback makes Run go back after a failure, to the release, the numbers of pods and the settings before. See Run.
	Rollback bool

	Timeout  time.Duration // limits Run, except for going back, which has ten minutes more; 0 is no limit
	LogLines int           // how many of the app's last log lines an Error includes; 0 is none
	Interval time.Duration // between two observations at first, 0 is one second; it grows to 5 seconds, see rest.Poll

	// Progress, if it is not nil, is called with what happens, and at least every ten seconds: one call at a time, from
	// any goroutine, and not after Run has returned.
	Progress func(Event)
}

// A Step is one thing that Run does.
type Step string

// The steps, in the order in which Run takes them.
const (
	StepCreate   Step = "create"
	StepHeal     Step = "heal" // repair what an earlier deploy has left behind
	StepConfig   Step = "config"
	StepBuild    Step = "build"
	StepScale    Step = "scale"
	StepDomains  Step = "domains"
	StepSettings Step = "settings"
	StepWait     Step = "wait"
	StepRollback Step = "rollback"
)

// An Event is something that happens, or a reminder that it is still going on.
type Event struct {
	Step    Step
	Message string        // one line, for people
	Release int           // the release that the app runs; 0 while that is not known
	Up      int           // how many of the wanted pods are up, while Run waits for them
	Want    int           // how many pods are wanted, while Run waits for them
	Elapsed time.Duration // since Run began
}

// A Change is something that Run would do.
type Change struct {
	Step Step   `json:"step"`
	What string `json:"what"` // one line, for people, without the values of the config
}

// A Result describes how the app differs from before, as observed at the end.
type Result struct {
	Created         bool           // Run created the app
	ConfigChanged   []string       // the entries of the plan's config that changed, sorted: "GREETING", "memory.web"
	Built           bool           // the app runs a build that Run made
	Scaled          map[string]int // the process types whose number of pods changed, with the new number
	DomainsAdded    []string       // the plan's domains that the app did not have before
	SettingsChanged []string       // "maintenance", "autoscale.web"
	RolledBack      bool           // Run failed, and the release that ran before was deployed again
	Previous        int            // the release that ran before
	Release         int            // the release that runs now
	Pods            []pods.Pod     // the pods of that release
}

// Changed reports whether anything is different from before, be it only the number of the release.
func (r *Result) Changed() bool {
	return r.Created || r.Previous != r.Release || len(r.ConfigChanged)+len(r.Scaled)+len(r.DomainsAdded)+len(r.SettingsChanged) > 0
}

// Reasons for failure. Match them with errors.Is.
var (
	// ErrSuperseded means that somebody else made a release in the meantime, or deleted the app. Run then undoes nothing.
	ErrSuperseded = errors.New("deis: somebody else changed the app in the meantime")
	// ErrTimeout means that the plan's Timeout has passed.
	ErrTimeout = errors.New("deis: the deploy took longer than its timeout")
	// ErrUndone means that something is left undone: see Error.Undone.
	ErrUndone = errors.New("deis: something is left undone")
)

// Run brings an app to the state that the plan describes, and returns when the wanted pods of its release are up. It
// sends only what differs: run twice, it changes nothing the second time.
//
// Run creates the app if it does not exist and the plan says so, repairs what an earlier deploy has left behind, changes
// the config, deploys the image, scales, adds domains, changes settings, and waits. A Controller starts one pod of type
// "cmd" or "web" on a first deploy; Run scales such a "cmd" to 0 if Scale names other types and the Procfile lacks it. More
// pods than wanted are fine. If a type has an autoscaler, its minimum is what is wanted.
//
// No change is sent twice. If the response to one was lost, or is not the Controller's, Run observes the app for up to two
// minutes to find out whether the change was carried out. Before its first change Run fails if the Controller is down;
// after it, Run waits up to five minutes for the Controller to come back.
//
// Repairing is needed if pods of a release are missing, or if a v1.6 Controller kept the release of a failed deploy. If
// that lasts for two minutes, or for five if the Controller lists no pods at all, Run rolls back to the release that runs,
// so that the Controller deploys it again.
//
// With Rollback, Run goes back after an error, also if the context has ended: to the release that ran before, the numbers
// of pods and the settings, as far as Run changed them. A request that is still under way gets two minutes to finish,
// because a Controller goes on with a request whose client has left, and a late deploy would overwrite the rollback. An app
// that Run created stays, and so do domains that it added. If the app had no build before, there is nothing to go back to.
//
// Run undoes nothing that others do. If somebody else makes a release after Run's first change, the error matches
// ErrSuperseded and nothing is rolled back. Numbers of pods that others change while Run waits stay.
//
// Real 2.x Controllers store HEALTHCHECK_ variables in another place, where Run does not look: it sends them each time, and
// a Controller that has them already changes nothing.
//
// On v1.6 Controllers, a config change that failed makes every later change fail, too. Run reverts its own, even without
// Rollback.
//
// The Result is never nil. An error is an *Error and one line, unless Plan.Check found it.
func Run(ctx context.Context, client *deis.Client, plan Plan) (*Result, error) {
	if err := plan.Check(); err != nil {
		return new(Result), err
	}
	r := newRun(client, plan)
	defer r.startHeartbeat()()
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

// Diff returns what Run would change, in order. It observes the app once and changes nothing. It does not include what a
// Controller does on its own during a build, such as starting a first pod.
func Diff(ctx context.Context, client *deis.Client, plan Plan) ([]Change, error) {
	if err := plan.Check(); err != nil {
		return nil, err
	}
	plan.Progress = nil
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
