package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/rest"
)

const (
	// settleTime is how long Run looks for a change whose response was lost, how long it waits for the response of a request
	// that is under way when it is told to stop, and how long pods must be missing until it mends the app. Real Controllers
	// take a minute to give up a deploy, and up to two where pods do not become ready.
	settleTime = 2 * time.Minute
	// backSettleTime is the same for pods that are missing after a deploy of Run's own has failed: nothing is under way then.
	backSettleTime = 5 * time.Second
	// backTime bounds going back, and backSendTime each of its requests, so that one that hangs leaves time for a look.
	backTime     = 10 * time.Minute
	backSendTime = 5 * time.Minute
	// patience is for writes that do not get through to the Controller, as rest.Poll has for looks.
	patience = 5 * time.Minute
	// lastLookTime bounds what Run does after a failure to learn what is true.
	lastLookTime = 30 * time.Second
	// heartbeat is how often Progress is told that something goes on, at least half as often.
	heartbeat = 5 * time.Second
)

// A run is one use of Run. What it knows about the app is what it has seen and what it has sent; all else follows.
type run struct {
	client *deis.Client
	plan   Plan

	base       *snapshot               // the app before the first change; nil until it was seen
	now        *snapshot               // the last observation
	builds     map[string]builds.Build // all that were seen, by UUID
	ours       map[string]bool         // the releases that were seen, by UUID, and whether this run made them
	superseded error                   // somebody else was seen to change the app

	sent   []*action      // what may have been carried out, oldest first
	turned int            // how many of them went forward; the others went back
	after  map[string]int // the app's numbers after the last of them; what differs since is the doing of others

	waiting string    // what the loop waits for
	since   time.Time // and since when

	progress
}

func newRun(client *deis.Client, plan Plan) *run {
	return &run{client: client, plan: plan, builds: make(map[string]builds.Build), ours: make(map[string]bool),
		progress: progress{report: plan.Progress, start: time.Now(), told: time.Now(), last: Event{Step: StepWait, Message: "looking at app " + plan.App}}}
}

// reach is the loop: it makes the first change that compare still finds necessary, until there is none and the pods run.
func (r *run) reach(ctx context.Context, compare func(*snapshot) ([]*action, error)) error {
	r.turned = len(r.sent)
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

// next observes the app until it is clear which action comes next; none if the app is as it shall be.
func (r *run) next(ctx context.Context, compare func(*snapshot) ([]*action, error)) (next *action, err error) {
	var failed error // for good; rest.Poll would go on where it is that of a write
	err = rest.Poll(ctx, r.plan.Interval, func(ctx context.Context) (done bool, err error) {
		s, err := r.observe(ctx)
		switch {
		case err == nil:
			next, done, failed = r.decide(s, compare)
		case errors.Is(err, errMoved) && r.waitFor(err.Error()) < settleTime: // the next look will be clear
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
		err = fmt.Errorf("deis: %s: %w", cmp.Or(what, "looking at it"), err)
	}
	return next, cmp.Or(failed, err)
}

// isPatient reports whether a failure that says nothing is worth another attempt: from the start only where it is certain
// to pass.
func (r *run) isPatient(err error) bool {
	return len(r.sent) > 0 || errors.Is(err, deis.ErrUpgraded) || errors.Is(err, deis.ErrRateLimited)
}

// decide says what follows from an observation: an action, the end, or another look.
func (r *run) decide(s *snapshot, compare func(*snapshot) ([]*action, error)) (next *action, done bool, err error) {
	r.now = s
	if err := r.claim(s); err != nil && r.turned == 0 {
		return nil, true, err
	}
	if clear, err := r.resolve(s); !clear || err != nil {
		return nil, err != nil, err
	}
	actions, err := compare(s)
	switch {
	case err != nil:
		return nil, true, err
	case len(actions) > 0 && r.ripens(actions[0], s):
		return nil, false, nil
	case len(actions) > 0:
		return actions[0], true, nil
	}
	if r.turned > 0 && !r.goesBack() {
		return nil, true, nil // there is nothing to wait for on the way back
	}
	done, err = r.ready(s)
	return nil, done || err != nil, err
}

// ripens reports whether it is too early for an action, because what it mends can still mend itself.
func (r *run) ripens(a *action, s *snapshot) bool {
	if a.ripe == 0 {
		return false
	}
	reason := fmt.Sprintf("waiting up to %v for the pods that are missing", a.ripe)
	r.tell(s, StepWait, reason+": "+s.describe())
	return r.waitFor(reason) < a.ripe
}

// waitFor notes what the loop waits for, and returns for how long it has waited for that.
func (r *run) waitFor(reason string) time.Duration {
	if r.waiting != reason {
		r.waiting, r.since = reason, time.Now()
	}
	return time.Since(r.since)
}

// pending is the last action as long as its outcome is not known.
func (r *run) pending() *action {
	if n := len(r.sent); n > 0 && !r.sent[n-1].resolved {
		return r.sent[n-1]
	}
	return nil
}

// isOverdue reports whether something may still be carried out.
func (r *run) isOverdue() bool {
	return slices.ContainsFunc(r.sent, func(a *action) bool { return a.overdue })
}

// resolve learns from an observation what became of the last action. It reports whether that is clear.
func (r *run) resolve(s *snapshot) (clear bool, err error) {
	a := r.pending()
	switch {
	case a == nil:
	case a.isDone(s) && !(a.lost && a.release != nil && (r.isShort(s) || len(s.pods) == 0)): // its deploy is over as well
		a.resolved = true
		r.tell(s, a.Step, a.done)
	case a.lost && time.Now().Before(a.until):
		r.tell(s, StepWait, fmt.Sprintf("waiting up to %v for what was sent without a response: %s", settleTime, a.What))
		r.waitFor("waiting for what was sent without a response: " + a.What)
		return false, nil
	default:
		a.resolved, a.overdue = true, a.lost
		switch {
		case a.isDone(s), r.isFormer(a): // that one has failed the way forward already
		case r.turned > 0:
			err = fmt.Errorf("%s: %w", a.doing, a.failure(s))
		default:
			err = a.failure(s)
		}
	}
	if r.after == nil && s.app != nil {
		r.after = s.app.Structure
	}
	return true, err
}

// isFormer reports whether an action was sent on the way forward, and the run is on its way back.
func (r *run) isFormer(a *action) bool { return slices.Contains(r.sent[:r.turned], a) }

// act sends an action, once.
func (r *run) act(ctx context.Context, a *action) error {
	r.tell(r.now, a.Step, a.doing)
	stopped := r.send(ctx, a)
	var failed *rest.Error
	a.failed = errors.Is(a.err, errors.ErrUnsupported) // which can mean that it is stored in part
	reached := a.err == nil || a.failed
	if errors.As(a.err, &failed) {
		reached = failed.MayHaveActed() || !failed.Temporary()
		a.failed = failed.FromController() && failed.StatusCode >= http.StatusBadRequest
		a.refused, a.lost = !failed.MayHaveActed(), failed.MayHaveActed() && !failed.FromController()
		if !reached && failed.Temporary() && r.isPatient(a.err) && ctx.Err() == nil {
			return r.pause(ctx, failed)
		}
	}
	if !reached {
		return a.err
	}
	a.until, r.waiting = time.Now(), ""
	if a.lost && !stopped {
		a.until = a.until.Add(settleTime)
	}
	r.sent, r.after = append(r.sent, a), nil
	return nil
}

// send sends an action, and reports whether its context ended meanwhile.
func (r *run) send(ctx context.Context, a *action) (stopped bool) {
	outlive := r.outlive
	if r.turned > 0 {
		outlive = func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, backSendTime)
		}
	}
	longer, cancel := outlive(ctx)
	defer cancel()
	a.err = a.send(longer)
	return longer.Err() != nil
}

// pause waits after a write that did not get through.
func (r *run) pause(ctx context.Context, failed *rest.Error) error {
	reason := fmt.Sprintf("waiting up to %v until the Controller can be reached", patience)
	r.tell(r.now, StepWait, reason+": "+failed.Error())
	if r.waitFor(reason) > patience {
		return failed
	}
	timer := time.NewTimer(max(failed.RetryAfter, time.Second))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %s", ctx.Err(), failed.Error())
	}
}

// outlive is the context to send with. With Rollback it outlives the other, so that the request is responded to: a
// Controller goes on with a request whose client has left, and going back would be overwritten.
func (r *run) outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	if !r.plan.Rollback {
		return context.WithCancel(ctx)
	}
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	now := r.now
	stop := context.AfterFunc(ctx, func() {
		r.tell(now, StepWait, fmt.Sprintf("stopping: waiting up to %v for the response to what was sent", settleTime))
		time.AfterFunc(settleTime, cancel)
	})
	return longer, func() { stop(); cancel() }
}

// progress reports what happens, to Plan.Progress.
type progress struct {
	start  time.Time
	mu     sync.Mutex  // guards what follows, and makes reports follow each other
	report func(Event) // nil if nobody listens, or not any more
	last   Event
	told   time.Time
}

func (p *progress) tell(s *snapshot, step Step, message string) {
	p.tellEvent(s, Event{Step: step, Message: message})
}

// tellEvent reports an event, unless it says the same as the last one.
func (p *progress) tellEvent(s *snapshot, e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s != nil {
		e.Release = s.current.Version
	}
	if p.last.Message != e.Message || p.last.Step != e.Step {
		p.last = e
		p.pass(e)
	}
}

func (p *progress) pass(e Event) {
	p.told = time.Now()
	if p.report != nil {
		e.Elapsed = time.Since(p.start)
		p.report(e)
	}
}

// beat repeats the last event while nothing else happens, until it is stopped. Nothing is reported after that.
func (p *progress) beat() (stop func()) {
	ticker, stopped := time.NewTicker(heartbeat), make(chan struct{})
	go func() {
		for {
			select {
			case <-stopped:
				return
			case <-ticker.C:
				p.repeat()
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(stopped)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.report = nil
	}
}

// repeat reports the last event again if it is a while ago.
func (p *progress) repeat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.told) >= heartbeat {
		e := p.last
		e.Message = "still " + e.Message
		p.pass(e)
	}
}
