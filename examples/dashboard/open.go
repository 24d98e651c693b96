package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/domains"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
	"github.com/deisgo/deis/releases"
)

// This file reads what the page of one app shows in addition to the snapshot. It is read once for all viewers of the app,
// and again only when it is out of date.

const (
	fresh        = 5 * time.Second // the maximum age of pods, and of a log that is not followed
	recent       = 15 * time.Second
	slow         = time.Minute // for what rarely changes
	afterFailure = 10 * time.Second
	forget       = time.Minute             // after the last view
	waitFor      = 1500 * time.Millisecond // how long a page waits for reads
	linesSeen    = 200                     // of a log
	releasesSeen = 15
	buildsSeen   = 50
)

// A part is one thing that is read about an app. If it cannot be read again, it keeps its value.
type part[T any] struct {
	Value T
	Err   error
	At    time.Time // when the last attempt began; zero: none has ended yet
}

// Problem returns why the last attempt failed, or "".
func (p part[T]) Problem() string {
	if p.Err == nil {
		return ""
	}
	return visible(p.Err.Error())
}

// Reading reports whether no attempt has ended yet.
func (p part[T]) Reading() bool { return p.At.IsZero() }

// appParts is what is read about an app.
type appParts struct {
	Core     part[struct{}] // what the snapshot has
	Releases part[releaseList]
	Builds   part[[]builds.Build]
	Config   part[*config.Config]
	Domains  part[[]domains.Domain]
	Certs    part[[]certs.Cert]
	Log      part[[]logLine]
}

// A releaseList is the latest releases, and the number of all.
type releaseList struct {
	Latest []releases.Release
	All    int
}

// An openApp is an app that somebody views.
type openApp struct {
	mu      sync.Mutex
	parts   appParts
	expired time.Time     // parts that were read before this are out of date
	reading chan struct{} // closed when the current reads end; nil if there are none
	seen    time.Time
}

// openApps are the apps that somebody views.
type openApps struct {
	client *deis.Client
	reader *snapshot.Reader

	mu   sync.Mutex
	apps map[string]*openApp
}

func newOpenApps(client *deis.Client, reader *snapshot.Reader) *openApps {
	return &openApps{client: client, reader: reader, apps: make(map[string]*openApp)}
}

func (o *openApps) app(id string) *openApp {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, app := range o.apps {
		if time.Since(app.seen) > forget {
			delete(o.apps, id)
		}
	}
	app := o.apps[id]
	if app == nil {
		app = new(openApp)
		o.apps[id] = app
	}
	app.seen = time.Now()
	return app
}

// expire marks everything about an app as out of date, because it was changed.
func (o *openApps) expire(id string) {
	app := o.app(id)
	app.mu.Lock()
	defer app.mu.Unlock()
	app.expired = time.Now()
}

// look returns what is known about an app. It first reads what is out of date, but does not wait long for it. It reads the
// log only if withLog is set.
func (o *openApps) look(ctx context.Context, id string, withLog bool) appParts {
	app := o.app(id)
	ctx, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	for {
		app.mu.Lock()
		if app.reading == nil {
			o.readOld(app, id, withLog)
		}
		parts, reading := app.parts, app.reading
		app.mu.Unlock()
		if reading == nil {
			return parts
		}
		select {
		case <-reading:
		case <-ctx.Done():
			return parts
		}
	}
}

// readOld starts to read what is out of date, if anything is. The caller must hold the app's lock.
func (o *openApps) readOld(app *openApp, id string, withLog bool) {
	if t := o.reader.Look().Trouble; t != nil && time.Until(t.Next) > 0 {
		return // the reader notices when the Controller is back
	}
	c := o.client
	var work []func(context.Context)
	parts := &app.parts
	add(app, &work, &parts.Core, fresh, func(ctx context.Context) (struct{}, error) { return struct{}{}, o.reader.Refresh(ctx, id) })
	add(app, &work, &parts.Releases, recent, func(ctx context.Context) (releaseList, error) {
		latest, err := c.Releases.List(ctx, id, releases.ListOptions{PageSize: releasesSeen})
		if err != nil {
			return releaseList{}, err
		}
		return releaseList{latest.Items, latest.Count}, nil
	})
	if withLog {
		add(app, &work, &parts.Log, fresh, func(ctx context.Context) (lines []logLine, err error) {
			text, err := c.Apps.Logs(ctx, id, apps.LogOptions{Lines: linesSeen})
			for line := range strings.Lines(text) {
				lines = append(lines, parseLine(line))
			}
			return lines, err
		})
	}
	add(app, &work, &parts.Config, slow, func(ctx context.Context) (*config.Config, error) { return c.Config.Get(ctx, id) })
	add(app, &work, &parts.Domains, slow, func(ctx context.Context) ([]domains.Domain, error) {
		return deis.Collect(c.Domains.All(ctx, id, domains.ListOptions{}))
	})
	add(app, &work, &parts.Builds, slow, func(ctx context.Context) ([]builds.Build, error) {
		latest, err := c.Builds.List(ctx, id, builds.ListOptions{PageSize: buildsSeen})
		if err != nil {
			return nil, err
		}
		return latest.Items, nil
	})
	add(app, &work, &parts.Certs, slow, func(ctx context.Context) ([]certs.Cert, error) {
		return deis.Collect(c.Certs.All(ctx, certs.ListOptions{}))
	})
	if len(work) == 0 {
		return
	}
	reading := make(chan struct{})
	app.reading = reading
	go func() {
		ctx, cancel := context.WithTimeout(snapshot.Urgent(context.Background()), readTimeout) // for all viewers, not only the first
		defer cancel()
		var all sync.WaitGroup
		for _, read := range work {
			all.Go(func() { read(ctx) })
		}
		all.Wait()
		app.mu.Lock()
		defer app.mu.Unlock()
		app.reading = nil
		close(reading)
	}()
}

// add adds the read of a part to the work, if the part is out of date.
func add[T any](app *openApp, work *[]func(context.Context), p *part[T], keep time.Duration, read func(context.Context) (T, error)) {
	if p.Err != nil {
		keep = min(keep, afterFailure)
	}
	if !p.At.IsZero() && !p.At.Before(app.expired) && time.Since(p.At) < keep {
		return
	}
	*work = append(*work, func(ctx context.Context) {
		began := time.Now()
		value, err := read(ctx)
		app.mu.Lock()
		defer app.mu.Unlock()
		p.At, p.Err = began, err
		if err == nil {
			p.Value = value
		}
	})
}

// buildOf returns the build of a release, or nil if it is not among the latest builds.
func (p *appParts) buildOf(r *releases.Release) *builds.Build {
	if r == nil || r.Build == "" {
		return nil
	}
	i := slices.IndexFunc(p.Builds.Value, func(b builds.Build) bool { return b.UUID == r.Build })
	if i < 0 {
		return nil
	}
	return &p.Builds.Value[i]
}

// isMissing reports whether the Controller says that the app does not exist.
func (p *appParts) isMissing() bool { return errors.Is(p.Core.Err, deis.ErrNotFound) }
