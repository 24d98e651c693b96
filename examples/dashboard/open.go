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

// This file reads what the page of one app shows beside what the snapshot has. It is read once for all who look at that
// app, and not again before it is old.

const (
	fresh        = 5 * time.Second // how old pods may be, and a log that is not followed
	recent       = 15 * time.Second
	slow         = time.Minute // for what changes seldom
	afterFailure = 10 * time.Second
	forget       = time.Minute             // after the last look
	waitFor      = 1500 * time.Millisecond // how long a page waits for what is being read
	linesSeen    = 200                     // of a log
	releasesSeen = 15
	buildsSeen   = 50
)

// A part is one thing that was read of an app, or the reason why it could not be. The value of before stays.
type part[T any] struct {
	Value T
	Err   error
	At    time.Time // as of when it is; zero: not read yet
}

// Problem is why it cannot be shown as it is now, or "".
func (p part[T]) Problem() string {
	if p.Err == nil {
		return ""
	}
	return visible(p.Err.Error())
}

// Reading reports whether there is nothing yet.
func (p part[T]) Reading() bool { return p.At.IsZero() }

// appParts are what is read of an app.
type appParts struct {
	Core     part[struct{}] // what the snapshot has
	Releases part[releaseList]
	Builds   part[[]builds.Build]
	Config   part[*config.Config]
	Domains  part[[]domains.Domain]
	Certs    part[[]certs.Cert]
	Log      part[[]logLine]
}

// A releaseList are the latest releases, of all that there are.
type releaseList struct {
	Latest []releases.Release
	All    int
}

// An openApp is an app that somebody looks at.
type openApp struct {
	mu      sync.Mutex
	parts   appParts
	expired time.Time     // what is as of before then is to be read again
	reading chan struct{} // is closed when what is being read was read; nil: nothing is
	seen    time.Time
}

// openApps are the apps that somebody looks at.
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

// expire says that an app was changed, so that all of it is read again.
func (o *openApps) expire(id string) {
	app := o.app(id)
	app.mu.Lock()
	defer app.mu.Unlock()
	app.expired = time.Now()
}

// look returns what is known of an app, and has read what is old. It waits for that, but not for long. The log is read
// only if withLog.
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

// readOld begins to read what is old, if anything is. The app's lock is held.
func (o *openApps) readOld(app *openApp, id string, withLog bool) {
	if t := o.reader.Look().Trouble; t != nil && time.Until(t.Next) > 0 {
		return // the reader finds out when the Controller is back
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
		ctx, cancel := context.WithTimeout(snapshot.Urgent(context.Background()), readTimeout) // for all who look, not for the first
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

// add adds to the work what reads a part, if it is old.
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

// buildOf returns the build of a release, nil if it is not among the latest.
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

// isMissing reports whether the Controller says that there is no such app.
func (p *appParts) isMissing() bool { return errors.Is(p.Core.Err, deis.ErrNotFound) }
