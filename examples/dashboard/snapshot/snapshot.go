// Package snapshot keeps the state of all apps of a Controller in memory, for programs that show it to many people: a
// dashboard, a status board, an exporter of metrics. It is meant to be copied into other programs, and needs only the SDK.
//
// A Reader reads the apps, their pods and their current releases in the background, in rounds, and only while somebody
// looks. It makes no more requests than a Budget allows, for one viewer or for fifty:
//
//	budget := snapshot.NewBudget(2) // requests a second
//	client, err := deis.New(controller, deis.WithToken(token),
//		deis.WithTransport(budget.Transport(http.DefaultTransport)), deis.WithRetry(deis.RetryPolicy{}))
//	…
//	reader := snapshot.NewReader(client, snapshot.Options{})
//	go reader.Run(ctx)
//	…
//	for _, app := range reader.Look().Apps { // never waits
//		fmt.Println(app.ID, len(app.Pods), app.Read)
//	}
//
// The Reader retries on its own, with back-off and Retry-After, so its client needs no retries. While the Controller does
// not respond, the Snapshot keeps what was read before, and Snapshot.Trouble says what is wrong and when the next attempt
// is.
//
// A round takes one request for 100 apps, and for each app two (API 2.2) or three (API 1.6). In API 2.3 it is two, and
// two more in every fourth round. So with two requests a second, the state of 250 apps on 2.2 is at most 4 minutes old.
// After a change, Refresh reads one app at once.
package snapshot

import (
	"slices"
	"strings"
	"time"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/settings"
)

// A Snapshot is what was known about all apps at one moment. It does not change, and must not be changed.
type Snapshot struct {
	Apps    []App     // in the order of their ids
	Listed  time.Time // when the list of apps was last read; zero: not yet
	Rounds  int       // how many rounds were completed
	Trouble *Trouble  // nil while the Controller responds
}

// Trouble is why nothing can be read at present.
type Trouble struct {
	Err   error     // of the last attempt
	Since time.Time // of the first attempt that failed
	Next  time.Time // when the next attempt is made
}

// An App is an app with its pods and the release that it runs.
type App struct {
	apps.App
	Pods    []pods.Pod         // as of the last successful read
	Release *releases.Release  // the one that the app runs; nil: not read yet, or there is none
	Failed  *releases.Release  // the newest release if it failed; API 2.3 only
	Setting *settings.Settings // API 2.3 only; otherwise nil

	Read time.Time // when the pods and the release were read; zero: not yet
	Err  error     // why the last attempt to read the app failed; nil if it succeeded

	appAt, restAt time.Time // when the app itself was read, and what is only read every fourth time
	reads         int       // how often it was read
}

// App returns one app.
func (s *Snapshot) App(id string) (App, bool) {
	i, found := find(s.Apps, id)
	if !found {
		return App{}, false
	}
	return s.Apps[i], true
}

// Complete reports whether there was an attempt to read every app.
func (s *Snapshot) Complete() bool {
	return !s.Listed.IsZero() && !slices.ContainsFunc(s.Apps, func(a App) bool { return a.Read.IsZero() && a.Err == nil })
}

// Oldest returns when the oldest state in the snapshot was read; zero if nothing was read yet.
func (s *Snapshot) Oldest() (oldest time.Time) {
	for _, a := range s.Apps {
		if !a.Read.IsZero() && (oldest.IsZero() || a.Read.Before(oldest)) {
			oldest = a.Read
		}
	}
	if oldest.IsZero() {
		return s.Listed
	}
	return oldest
}

func find(all []App, id string) (int, bool) {
	return slices.BinarySearchFunc(all, id, func(a App, id string) int { return strings.Compare(a.ID, id) })
}
