package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/settings"
)

func TestTheStateOfAnAppIsThatOfItsPods(t *testing.T) {
	pod := func(procType, state string) pods.Pod {
		return pods.Pod{Name: procType + state, Type: procType, State: state}
	}
	deployed, initial := &releases.Release{Version: 2, Build: "7c3d"}, &releases.Release{Version: 1}
	auto := &settings.Settings{Routable: true, Autoscale: map[string]settings.Autoscale{"web": {Min: 1, Max: 3}, "nothing": {Min: 9, Max: 9}}}
	for name, test := range map[string]struct {
		want    map[string]int
		pods    []pods.Pod
		release *releases.Release
		setting *settings.Settings
		state   state
		up      int
	}{
		"all up":                {map[string]int{"web": 1, "worker": 1}, []pods.Pod{pod("web", "up"), pod("worker", "up")}, deployed, nil, running, 2},
		"with a one-off pod":    {map[string]int{"web": 1}, []pods.Pod{pod("web", "up"), pod("run", "initialized")}, deployed, nil, running, 1},
		"one starts":            {map[string]int{"web": 2}, []pods.Pod{pod("web", "up"), pod("web", "initializing")}, deployed, nil, starting, 1},
		"one crashed":           {map[string]int{"web": 2}, []pods.Pod{pod("web", "crashed"), pod("web", "initializing")}, deployed, nil, crashed, 0},
		"one is missing":        {map[string]int{"web": 2}, []pods.Pod{pod("web", "up")}, deployed, nil, missing, 1},
		"a type is missing":     {map[string]int{"web": 1, "worker": 1}, []pods.Pod{pod("web", "up"), pod("web", "up")}, deployed, nil, missing, 2},
		"all are missing":       {map[string]int{"web": 2}, nil, deployed, nil, noPods, 0},
		"scaled to nothing":     {map[string]int{"web": 0}, nil, deployed, nil, stopped, 0},
		"never deployed":        {nil, nil, initial, nil, notDeployed, 0},
		"more than are wanted":  {map[string]int{"web": 1}, []pods.Pod{pod("web", "up"), pod("web", "up")}, deployed, nil, running, 2},
		"fewer by autoscaling":  {map[string]int{"web": 3}, []pods.Pod{pod("web", "up")}, deployed, auto, running, 1},
		"ending by autoscaling": {map[string]int{"web": 3}, []pods.Pod{pod("web", "up"), pod("web", "terminating")}, deployed, auto, running, 1},
	} {
		app := snapshot.App{App: apps.App{Structure: test.want}, Pods: test.pods, Release: test.release, Setting: test.setting, Read: time.Now()}
		h := healthOf(app)
		assert.Equal(t, test.state, h.State, name)
		assert.Equal(t, test.up, h.Up, name)
		assert.GreaterOrEqual(t, slices.Index(urgency, h.State), 0, name)

		app.Err = errors.New("out of order")
		assert.Equal(t, unreadable, healthOf(app).State, name)
		assert.Equal(t, unread, healthOf(snapshot.App{App: app.App}).State, name)
	}
}

func TestTheListIsSortedByTheLatestRelease(t *testing.T) {
	at := func(id string, age time.Duration) snapshot.App {
		r := &releases.Release{Version: 2, Build: "7c3d", Created: deis.Time{Time: time.Now().Add(-age)}}
		return snapshot.App{App: apps.App{ID: id}, Release: r, Read: time.Now()}
	}
	look := &snapshot.Snapshot{Listed: time.Now(), Apps: []snapshot.App{at("a", time.Hour), at("b", time.Minute), {App: apps.App{ID: "c"}}}}
	var ids []string
	for _, row := range listOf(look, listQuery{Sort: "latest", Per: perPage, Page: 1}).Rows {
		ids = append(ids, row.ID)
	}
	assert.Equal(t, []string{"b", "a", "c"}, ids)
}

func TestManyPodsAreNotDrawn(t *testing.T) {
	h := healthOf(snapshot.App{App: apps.App{Structure: map[string]int{"web": 1_000_000_000}}})
	assert.Empty(t, h.Dots)
	assert.Equal(t, 1_000_000_000, h.Want)
}

func TestHiddenCharactersAreShown(t *testing.T) {
	for text, want := range map[string]string{
		"plain, ünïcode 漢字 🙂":   "plain, ünïcode 漢字 🙂",
		"a\tb\nc":               "a\tb\nc",
		"\x00\x1b[2J\x7f\u0085": `\x00\x1b[2J\x7f\x85`,
		"a\u202eb\u2066c\u200f": `a\u202eb\u2066c\u200f`,
		"\xff":                  "\uFFFD",
	} {
		assert.Equal(t, want, visible(text))
	}
}

func TestAFeedMarksLinesThatAreGone(t *testing.T) {
	f := &feed{changed: make(chan struct{})}
	for i := range linesKept + 5 {
		f.add(logLine{Text: fmt.Sprint(i)}, nil)
	}
	lines, next, _, err := f.after(-1)
	require.NoError(t, err)
	assert.Len(t, lines, linesKept)
	assert.Equal(t, "5", lines[0].Text, "a reader who joins late sees no gap")
	lines, again, more, _ := f.after(2)
	assert.Equal(t, logLine{Gap: true}, lines[0], "a reader who is too slow sees a gap")
	assert.Equal(t, next, again)
	f.add(logLine{}, io.EOF)
	<-more
	_, _, _, err = f.after(next)
	assert.ErrorIs(t, err, io.EOF)
}

func TestAgesAreInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Minute: "just now", 0: "just now", 45 * time.Second: "45 s ago", 90 * time.Second: "1 min ago",
		time.Hour: "1 hour ago", 47 * time.Hour: "1 day ago", 49 * time.Hour: "2 days ago", 90 * 24 * time.Hour: "3 months ago",
		3 * 365 * 24 * time.Hour: "3 years ago",
	} {
		assert.Equal(t, want, ago(d))
	}
	assert.Equal(t, moment{}, when(time.Time{}))
}

func TestALogLineIsSplitIntoItsParts(t *testing.T) {
	const exact = "2 January 2026, 15:04:05 UTC"
	for line, want := range map[string]logLine{
		"2026-01-02T15:04:05UTC shop[web.1]: hello\n":                    {Time: "15:04:05", Exact: exact, Source: "web.1", Text: "hello"},
		"2026-01-02T15:04:05+00:00 shop[shop-web-3049-x7k2p]: hi":        {Time: "15:04:05", Exact: exact, Source: "web-3049-x7k2p", Text: "hi"},
		"2026-01-02T17:04:05+02:00 deis[controller]: INFO [shop]: admin": {Time: "15:04:05", Exact: exact, Source: "deis", Text: "INFO [shop]: admin"},
		"no time in it":       {Text: "no time in it"},
		"when shop[web]: x":   {Text: "when shop[web]: x"},
		"null shop[web]: x":   {Text: "null shop[web]: x"},
		"":                    {},
		"\x1b[1;32mok\x1b[0m": {Text: "ok"},
	} {
		assert.Equal(t, want, parseLine(line), line)
	}
}
