package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
)

func TestTheStateOfAnAppIsThatOfItsPods(t *testing.T) {
	pod := func(kind, state string) pods.Pod { return pods.Pod{Name: kind + state, Type: kind, State: state} }
	deployed := &releaseView{Release: releases.Release{Version: 2, Build: "7c3d"}}
	for name, test := range map[string]struct {
		want    map[string]int
		running []pods.Pod
		release *releaseView
		state   state
		up      int
	}{
		"all up":               {map[string]int{"web": 1, "worker": 1}, []pods.Pod{pod("web", "up"), pod("worker", "up")}, deployed, state{"running", "good"}, 2},
		"a one-off beside":     {map[string]int{"web": 1}, []pods.Pod{pod("web", "up"), pod("run", "initialized")}, deployed, state{"running", "good"}, 1},
		"one starts":           {map[string]int{"web": 2}, []pods.Pod{pod("web", "up"), pod("web", "initializing")}, deployed, state{"starting", "busy"}, 1},
		"one crashed":          {map[string]int{"web": 2}, []pods.Pod{pod("web", "crashed"), pod("web", "initializing")}, deployed, state{"crashed", "bad"}, 0},
		"one is not there":     {map[string]int{"web": 2}, []pods.Pod{pod("web", "up")}, deployed, state{"pods missing", "bad"}, 1},
		"scaled to nothing":    {map[string]int{"web": 0}, nil, deployed, state{"stopped", "idle"}, 0},
		"never deployed":       {nil, nil, &releaseView{Release: releases.Release{Version: 1}}, state{"not deployed", "idle"}, 0},
		"no release was read":  {nil, nil, nil, state{"stopped", "idle"}, 0},
		"more than are wanted": {map[string]int{"web": 1}, []pods.Pod{pod("web", "up"), pod("web", "up")}, deployed, state{"running", "good"}, 2},
	} {
		h := healthOf(processes(&apps.App{Structure: test.want}, test.running), test.release)
		assert.Equal(t, test.state, h.State, name)
		assert.Equal(t, test.up, h.Up, name)
	}
}

func TestManyPodsAreNotDrawn(t *testing.T) {
	h := healthOf(processes(&apps.App{Structure: map[string]int{"web": 1_000_000_000}}, nil), nil)
	assert.Empty(t, h.Dots)
	assert.Equal(t, 1_000_000_000, h.Want)
}

func TestTimesAreToldAsPeopleDo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Minute: "just now", 0: "just now", 45 * time.Second: "45 s ago", 90 * time.Second: "1 min ago",
		time.Hour: "1 hour ago", 47 * time.Hour: "1 day ago", 49 * time.Hour: "2 days ago", 90 * 24 * time.Hour: "3 months ago",
		3 * 365 * 24 * time.Hour: "3 years ago",
	} {
		assert.Equal(t, want, ago(d))
	}
	assert.Equal(t, moment{}, when(time.Time{}))
}

func TestALineOfALogIsReadInItsParts(t *testing.T) {
	const exact = "2 January 2026, 15:04:05 UTC"
	for line, want := range map[string]logLine{
		"2026-01-02T15:04:05UTC shop[web.1]: hello\n":                    {"15:04:05", exact, "web.1", "hello"},
		"2026-01-02T15:04:05+00:00 shop[shop-web-3049-x7k2p]: hi":        {"15:04:05", exact, "web-3049-x7k2p", "hi"},
		"2026-01-02T17:04:05+02:00 deis[controller]: INFO [shop]: admin": {"15:04:05", exact, "deis", "INFO [shop]: admin"},
		"no time in it":       {Text: "no time in it"},
		"when shop[web]: x":   {Text: "when shop[web]: x"},
		"null shop[web]: x":   {Text: "null shop[web]: x"},
		"":                    {},
		"\x1b[1;32mok\x1b[0m": {Text: "ok"},
	} {
		assert.Equal(t, want, parseLine(line), line)
	}
}
