package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/rest"
)

const (
	// settleTime is how long Run looks for a change whose response was lost, how long a request that is under way may take
	// after the context has ended, and how long pods must be missing before Run repairs the app. Real Controllers take a
	// minute to give up a deploy, and up to two minutes if pods do not become ready.
	settleTime = 2 * time.Minute
	// backSettleTime is how long pods must be missing after Run's own deploy failed: nothing is under way then.
	backSettleTime = 5 * time.Second
	// backTime limits going back, and backSendTime each of its requests, so that after one that hangs there is time to
	// observe the app.
	backTime     = 10 * time.Minute
	backSendTime = 5 * time.Minute
	// patience is how long writes may fail to get through to the Controller. rest.Poll has the same limit for reads.
	patience = 5 * time.Minute
	// readTime limits the reading of each part of an observation.
	readTime = 30 * time.Second
	// finalLookTime limits the observation after a failure.
	finalLookTime = 30 * time.Second
	// heartbeat is the longest silence before the last event is repeated: half of what Plan.Progress promises.
	heartbeat = 5 * time.Second
)

// A run is the state of one Run: what it has observed and what it has sent. Everything else follows from these.
type run struct {
	client *deis.Client
	plan   Plan

	before     *snapshot               // the app before the first change; nil until it was observed
	now        *snapshot               // the last observation
	builds     map[string]builds.Build // the builds that were observed, by UUID
	seen       map[string]bool         // the releases that were observed and attributed, by UUID
	theirs     map[string]int          // the numbers of pods that others have set since
	superseded error                   // set once somebody else was observed to make a release

	sent         []*action // the actions that reached the Controller, oldest first
	forwardCount int       // how many of them went forward; the others went back

	step    Step      // what the loop is at
	waiting string    // what it waits for
	since   time.Time // since when

	progress
}

func newRun(client *deis.Client, plan Plan) *run {
	return &run{client: client, plan: plan, step: StepWait,
		builds: make(map[string]builds.Build), seen: make(map[string]bool), theirs: make(map[string]int),
		progress: newProgress(plan.Progress, Event{Step: StepWait, Message: "reading app " + plan.App})}
}

// reach is the loop: it sends the first change that compare still finds necessary, until there is none and the pods run.
func (r *run) reach(ctx context.Context, compare func(*snapshot) ([]*action, error)) error {
	r.forwardCount = len(r.sent)
	for {
		next, err := r.next(ctx, compare)
		if err != nil || next == nil {
			return err
		}
		if err := r.act(ctx, next); err != nil {
			return err
		}
	}
}

// next observes the app until it is clear which action comes next. It returns nil if none does.
func (r *run) next(ctx context.Context, compare func(*snapshot) ([]*action, error)) (next *action, err error) {
	var failed error // ends the wait; rest.Poll would go on if the error of a write is temporary
	// observe limits each of its requests, so the limit of a check does not count.
	err = rest.Poll(ctx, r.plan.Interval, func(context.Context) (done bool, err error) {
		s, err := r.observe(ctx)
		switch {
		case err == nil:
			next, done, failed = r.decide(s, compare)
		case errors.Is(err, errMoved) && r.waitFor(err.Error()) < settleTime: // the next observation will be consistent
		case !r.isPatient(err):
			failed = err
		default:
			return false, err
		}
		return done || failed != nil, nil
	})
	if what := r.waiting; err != nil && ctx.Err() != nil {
		if a := r.pending(); a != nil && what == "" {
			what = a.doing
		}
		err = fmt.Errorf("deis: %s: %w", cmp.Or(what, "observing app "+r.plan.App), err)
	}
	return next, cmp.Or(failed, err)
}

// isPatient reports whether a temporary failure is worth another attempt. Before the first change it is only if it is
// certain to pass.
func (r *run) isPatient(err error) bool {
	return len(r.sent) > 0 || errors.Is(err, deis.ErrUpgraded) || errors.Is(err, deis.ErrRateLimited)
}

// decide returns what follows from an observation: the next action, the end, or neither, which means another observation.
func (r *run) decide(s *snapshot, compare func(*snapshot) ([]*action, error)) (next *action, done bool, err error) {
	if err := r.take(s); err != nil && r.forwardCount == 0 {
		return nil, true, err
	}
	if clear, err := r.resolve(s); !clear || err != nil {
		return nil, err != nil, err
	}
	actions, err := compare(s)
	switch {
	case err != nil:
		return nil, true, err
	case len(actions) > 0 && r.mustWait(actions[0], s):
		return nil, false, nil
	case len(actions) > 0:
		return actions[0], true, nil
	}
	if r.forwardCount > 0 && !r.canGoBack() {
		return nil, true, nil // nothing was rolled back that could be waited for
	}
	done, err = r.ready(s)
	return nil, done || err != nil, err
}

// mustWait reports whether it is too early for an action, because what it repairs may still recover.
func (r *run) mustWait(a *action, s *snapshot) bool {
	if a.grace == 0 {
		return false
	}
	reason := fmt.Sprintf("waiting up to %v for the pods that are missing", a.grace)
	r.say(s, StepWait, reason+": "+s.describe())
	return r.waitFor(reason) < a.grace
}

// waitFor notes what the loop waits for, and returns for how long it has waited for that.
func (r *run) waitFor(reason string) time.Duration {
	if r.waiting != reason {
		r.waiting, r.since = reason, time.Now()
	}
	return time.Since(r.since)
}

// pending returns the last action if its outcome is not known yet, or nil.
func (r *run) pending() *action {
	if n := len(r.sent); n > 0 && !r.sent[n-1].resolved {
		return r.sent[n-1]
	}
	return nil
}

// hasAbandoned reports whether an action may still be carried out.
func (r *run) hasAbandoned() bool {
	return slices.ContainsFunc(r.sent, func(a *action) bool { return a.resolved && a.outcome == lost && a.err != nil })
}

// resolve finds out from an observation what became of the last action. It reports whether that is clear.
func (r *run) resolve(s *snapshot) (clear bool, err error) {
	a := r.pending()
	switch {
	case a == nil:
	case a.isDone(s) && !(a.outcome == lost && a.release != nil && r.isDeploying(s)):
		done := a.done
		if a.isUnchanged() {
			done = "no need to " + a.What
		}
		r.say(s, a.Step, done)
		a.resolved, a.err, r.step = true, nil, StepWait
	case a.outcome == lost && time.Now().Before(a.until):
		r.say(s, StepWait, fmt.Sprintf("waiting up to %v for what was sent without a response: %s", settleTime, a.What))
		r.waitFor("waiting for what was sent without a response: " + a.What)
		return false, nil
	default:
		a.resolved = true
		switch {
		case a.isDone(s), r.forwardCount == len(r.sent): // the way forward has failed because of it
		case r.forwardCount > 0:
			err = fmt.Errorf("%s: %w", a.doing, a.failure(s))
		default:
			err = a.failure(s)
		}
	}
	return true, err
}

// isDeploying reports whether a release that was observed may still be on its way.
func (r *run) isDeploying(s *snapshot) bool {
	return r.lacksPods(s) || len(s.pods) == 0 && len(s.wanted()) > 0
}

// act sends an action, once. A request that did not reach the Controller counts as not sent.
func (r *run) act(ctx context.Context, a *action) error {
	r.step = a.Step
	r.say(r.now, a.Step, a.doing)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("deis: %s: %w", a.doing, err)
	}
	sending, cancel := r.sendContext(ctx)
	a.err = a.send(sending)
	stopped := sending.Err() != nil
	cancel()
	if a.outcome = outcomeOf(a.err); a.outcome == unsent {
		return r.pause(ctx, a.err)
	}
	a.until, r.waiting = time.Now(), ""
	if a.outcome == lost && !stopped {
		a.until = a.until.Add(settleTime)
	}
	r.sent = append(r.sent, a)
	return nil
}

// pause waits after a write that did not get through to the Controller. It returns the error if waiting is of no use.
func (r *run) pause(ctx context.Context, err error) error {
	var failed *rest.Error
	if !errors.As(err, &failed) || !r.isPatient(err) || ctx.Err() != nil {
		return err
	}
	reason := fmt.Sprintf("waiting up to %v until the Controller can be reached", patience)
	r.say(r.now, StepWait, reason+": "+err.Error())
	if r.waitFor(reason) > patience {
		return err
	}
	timer := time.NewTimer(max(failed.RetryAfter, time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %s", ctx.Err(), err.Error())
	}
}

// sendContext returns the context of a request. On the way forward with Rollback it outlives ctx, so that the request can
// finish: a Controller goes on with a request whose client has left, and that would overwrite the rollback.
func (r *run) sendContext(ctx context.Context) (context.Context, context.CancelFunc) {
	switch {
	case r.forwardCount > 0:
		return context.WithTimeout(ctx, backSendTime)
	case !r.plan.Rollback:
		return context.WithCancel(ctx)
	}
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	now := r.now
	stop := context.AfterFunc(ctx, func() {
		r.say(now, StepWait, fmt.Sprintf("stopping: waiting up to %v for the response to what was sent", settleTime))
		time.AfterFunc(settleTime, cancel)
	})
	return longer, func() { stop(); cancel() }
}

// progress reports what happens, to Plan.Progress, and repeats the last event while nothing happens.
type progress struct {
	start  time.Time
	ticker *time.Ticker
	turn   chan struct{} // holds one token while somebody reports. Unlike with a mutex, time goes on in a synctest bubble
	report func(Event)   // nil if nobody listens, or not any more
	last   Event
}

func newProgress(report func(Event), first Event) progress {
	return progress{start: time.Now(), ticker: time.NewTicker(heartbeat), turn: make(chan struct{}, 1), report: report, last: first}
}

func (p *progress) say(s *snapshot, step Step, message string) {
	p.emit(s, Event{Step: step, Message: message})
}

// emit reports an event, unless it says the same as the last one.
func (p *progress) emit(s *snapshot, e Event) {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if s != nil {
		e.Release = s.current.Version
	}
	if p.last.Message != e.Message || p.last.Step != e.Step {
		p.last = e
		p.pass(e)
	}
}

func (p *progress) pass(e Event) {
	p.ticker.Reset(heartbeat)
	if p.report != nil {
		e.Elapsed = time.Since(p.start)
		p.report(e)
	}
}

// startHeartbeat repeats the last event while nothing happens, until it is stopped. Nothing is reported after that.
func (p *progress) startHeartbeat() (stop func()) {
	stopped := make(chan struct{})
	go func() {
		for {
			select {
			case <-stopped:
				return
			case <-p.ticker.C:
				p.repeat()
			}
		}
	}()
	return func() {
		p.ticker.Stop()
		close(stopped)
		p.turn <- struct{}{}
		p.report = nil
		<-p.turn
	}
}

func (p *progress) repeat() {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	e := p.last
	e.Message = "still " + e.Message
	p.pass(e)
}
