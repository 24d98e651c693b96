package snapshot

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

const (
	firstPause   = time.Second // after a failure; it doubles with each further one
	longestPause = time.Minute
	askTimeout   = 15 * time.Second // for a page of the list, or for everything that is read about one app
	appsAtOnce   = 100              // on a page of the list; also the default of Controllers
	attempts     = 3                // to read one app, before it is the turn of the others
	thorough     = 4                // every fourth read includes the settings and the newest release
)

// Options configure a Reader. The zero value is ready to use.
type Options struct {
	Idle  time.Duration // how long reading continues after the last Look; 0 means a minute
	Round time.Duration // the minimum duration of a round; 0 means ten seconds

	// Trouble is called when the Controller stops responding, and with nil when it responds again.
	Trouble func(error)
}

// A Reader keeps a Snapshot up to date. Make one with NewReader, and Run it. It is safe for concurrent use.
type Reader struct {
	client  *deis.Client
	options Options

	current atomic.Pointer[Snapshot]
	writing sync.Mutex // held from reading current to replacing it

	failures int // in a row; only Run uses it

	looked atomic.Int64  // the time of the last Look, in Unix nanoseconds
	wake   chan struct{} // a look wakes Run
}

// NewReader makes a Reader. The client should have a Budget, and no retries.
func NewReader(client *deis.Client, o Options) *Reader {
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	if o.Round == 0 {
		o.Round = 10 * time.Second
	}
	r := &Reader{client: client, options: o, wake: make(chan struct{}, 1)}
	r.current.Store(new(Snapshot))
	return r
}

// Look returns what is known. It never waits. It also makes the Reader go on reading.
func (r *Reader) Look() *Snapshot {
	r.looked.Store(time.Now().UnixNano())
	select {
	case r.wake <- struct{}{}:
	default: // Run is awake
	}
	return r.current.Load()
}

// Run reads until the context ends, while somebody looks.
func (r *Reader) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if r.idle() {
			select {
			case <-r.wake:
			case <-ctx.Done():
			}
			continue
		}
		began := time.Now()
		if r.round(ctx) {
			sleep(ctx, r.options.Round-time.Since(began))
		}
	}
}

func (r *Reader) idle() bool { return time.Since(time.Unix(0, r.looked.Load())) > r.options.Idle }

// round reads the list of apps, and then each app, the one with the oldest state first. It reports whether the round was
// completed. A round ends early when nobody looks any more.
func (r *Reader) round(ctx context.Context) bool {
	ids, err := r.list(ctx)
	if err != nil {
		return false
	}
	skipped := make(map[string]error)
	for _, id := range ids {
		err := r.ask(ctx, false, func(ctx context.Context) error { return r.read(ctx, id, false) })
		switch {
		case ctx.Err() != nil || errors.Is(err, errIdle):
			return false
		case err != nil && aboutEverything(err):
			skipped[id] = err // the others must still be read
		}
	}
	if len(skipped) > 0 && len(skipped) == len(ids) {
		return false // the error was not about single apps
	}
	r.update(func(s *Snapshot) {
		s.Rounds++
		for id, err := range skipped {
			if i, found := find(s.Apps, id); found {
				s.Apps[i].Err = err
			}
		}
	})
	return true
}

// list reads the list of apps, and returns the ids in the order in which to read them.
func (r *Reader) list(ctx context.Context) (ids []string, err error) {
	var listed []apps.App
	began := time.Now()
	var page *deis.Page[apps.App]
	for more := true; more; more = page.HasNext() {
		err := r.ask(Urgent(ctx), true, func(ctx context.Context) (err error) {
			if page == nil {
				page, err = r.client.Apps.List(ctx, apps.ListOptions{PageSize: appsAtOnce})
				return err
			}
			next, err := page.Next(ctx)
			if err == nil {
				page = next
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		listed = append(listed, page.Items...)
	}
	r.update(func(s *Snapshot) {
		fresh := make([]App, 0, len(listed))
		for _, app := range listed {
			known, _ := s.App(app.ID)
			if !known.appAt.After(began) { // otherwise a Refresh was later
				known.App, known.appAt = app, began
			}
			fresh = append(fresh, known)
		}
		for _, known := range s.Apps { // created since, and read by a Refresh
			if known.appAt.After(began) {
				fresh = append(fresh, known)
			}
		}
		slices.SortStableFunc(fresh, func(a, b App) int { return strings.Compare(a.ID, b.ID) })
		s.Apps, s.Listed = slices.CompactFunc(fresh, func(a, b App) bool { return a.ID == b.ID }), began
	})
	oldest := slices.Clone(r.current.Load().Apps)
	slices.SortStableFunc(oldest, func(a, b App) int { return a.Read.Compare(b.Read) })
	for _, app := range oldest {
		ids = append(ids, app.ID)
	}
	return ids, nil
}

// Refresh reads one app at once. Its error is why the app could not be read. Call it when somebody opens an app, and after
// a change.
func (r *Reader) Refresh(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(Urgent(ctx), askTimeout)
	defer cancel()
	return r.read(ctx, id, true)
}

// A reading is what was read about an app at one time.
type reading struct {
	app      *apps.App // nil: not read
	pods     []pods.Pod
	release  *releases.Release
	thorough bool // whether the following was read
	setting  *settings.Settings
	failed   *releases.Release
}

// read reads an app's state and puts it into the snapshot. An error of the Controller about this app is put there, too;
// any other is only returned. If itself is set, the app itself is read as well, not only its pods and release.
func (r *Reader) read(ctx context.Context, id string, itself bool) error {
	began := time.Now()
	known, _ := r.current.Load().App(id)
	got, err := r.state(ctx, id, itself, itself || known.reads%thorough == 0)
	switch {
	case errors.Is(err, deis.ErrNotFound):
		r.update(func(s *Snapshot) { s.Apps = slices.DeleteFunc(s.Apps, func(a App) bool { return a.ID == id }) })
		return err
	case err != nil && (ctx.Err() != nil || aboutEverything(err)):
		return err
	}
	r.update(func(s *Snapshot) {
		i, found := find(s.Apps, id)
		switch {
		case found:
		case got.app == nil || err != nil:
			return
		default:
			s.Apps = slices.Insert(s.Apps, i, App{})
		}
		s.Apps[i].merge(got, err, began)
	})
	return err
}

// merge updates an app with a reading that began at the given time, except where something newer is known: a slow reading
// must not undo a later, faster one.
func (a *App) merge(got reading, err error, began time.Time) {
	if !a.Read.After(began) {
		a.Err = err
	}
	if err != nil {
		return
	}
	if got.app != nil && !a.appAt.After(began) {
		a.App, a.appAt = *got.app, began
	}
	if got.thorough && !a.restAt.After(began) {
		a.Setting, a.Failed, a.restAt = got.setting, got.failed, began
	}
	if !a.Read.After(began) {
		a.Pods, a.Release, a.Read = got.pods, got.release, began
		a.reads++
	}
}

// state reads an app as it is now. If rest is set, it also reads what only every fourth read includes.
func (r *Reader) state(ctx context.Context, id string, itself, rest bool) (got reading, err error) {
	if itself {
		if got.app, err = r.client.Apps.Get(ctx, id); err != nil {
			return got, err
		}
	}
	if got.pods, err = deis.Collect(r.client.Pods.All(ctx, id, pods.ListOptions{})); err != nil {
		return got, err
	}
	if got.release, err = r.client.Releases.Current(ctx, id); err != nil {
		var failed *deis.Error
		if ctx.Err() != nil || errors.As(err, &failed) {
			return got, err
		}
		got.release = nil // there is no release that it could run
	}
	server, _ := r.client.Server()
	if !rest || !server.API.AtLeast(version.V2_3) {
		return got, nil
	}
	if got.setting, err = r.client.Settings.Get(ctx, id); err != nil {
		return got, err
	}
	newest, err := r.client.Releases.List(ctx, id, releases.ListOptions{PageSize: 1})
	if err != nil {
		return got, err
	}
	if len(newest.Items) > 0 && newest.Items[0].Failed {
		got.failed = &newest.Items[0]
	}
	got.thorough = true
	return got, nil
}

// errIdle says that nobody looks any more.
var errIdle = errors.New("snapshot: nobody looks")

// ask makes a call, and retries it while its error is not about one app: a few times, or until it succeeds if whole is
// set, because the whole snapshot depends on it. After a temporary failure it waits, longer with each one in a row.
func (r *Reader) ask(ctx context.Context, whole bool, call func(context.Context) error) error {
	if !r.current.Load().Complete() { // somebody waits for the first round
		ctx = Urgent(ctx)
	}
	for attempt := 1; ; attempt++ {
		if r.idle() {
			return errIdle
		}
		bounded, cancel := context.WithTimeout(ctx, askTimeout)
		err := call(bounded)
		cancel()
		var failed *deis.Error
		all := err != nil && (whole || aboutEverything(err))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case all, errors.As(err, &failed) && failed.Temporary():
			r.failures++
		default:
			r.failures = 0
		}
		pause := backoff(r.failures, err)
		if all {
			r.trouble(err, pause)
		} else {
			r.trouble(nil, 0)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		if !all || !whole && attempt >= attempts {
			return err
		}
	}
}

// backoff returns how long to wait after the given number of failures: a random time that grows with them, or the
// Retry-After of the error if that is longer.
func backoff(failures int, err error) time.Duration {
	if failures == 0 {
		return 0
	}
	longest := min(firstPause<<min(failures-1, 10), longestPause)
	pause := longest/2 + rand.N(longest/2)
	var failed *deis.Error
	if errors.As(err, &failed) {
		pause = max(pause, failed.RetryAfter)
	}
	return pause
}

// aboutEverything reports whether an error means that nothing at all can be read at present, because it is not the
// Controller's response about one app.
func aboutEverything(err error) bool {
	var failed *deis.Error
	var mismatch *version.MismatchError
	switch {
	case errors.As(err, &mismatch), errors.Is(err, context.DeadlineExceeded), errors.Is(err, deis.ErrUpgraded):
		return true
	case !errors.As(err, &failed):
		return false
	}
	return !failed.FromController() || errors.Is(err, deis.ErrUnauthorized) || errors.Is(err, deis.ErrRateLimited)
}

// trouble records that the Controller does not respond, or, if err is nil, that it does.
func (r *Reader) trouble(err error, pause time.Duration) {
	before := r.current.Load().Trouble
	if err == nil && before == nil {
		return
	}
	r.update(func(s *Snapshot) {
		if err == nil {
			s.Trouble = nil
			return
		}
		now := time.Now()
		trouble := &Trouble{Err: err, Since: now, Next: now.Add(pause)}
		if s.Trouble != nil {
			trouble.Since = s.Trouble.Since
		}
		s.Trouble = trouble
	})
	if report := r.options.Trouble; report != nil && (err == nil || before == nil) {
		report(err)
	}
}

// update replaces the snapshot by a changed copy.
func (r *Reader) update(change func(*Snapshot)) {
	r.writing.Lock()
	defer r.writing.Unlock()
	changed := *r.current.Load()
	changed.Apps = slices.Clone(changed.Apps)
	change(&changed)
	r.current.Store(&changed)
}
