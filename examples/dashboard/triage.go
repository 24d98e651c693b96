package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/deisgo/deis/examples/dashboard/snapshot"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/settings"
)

// This file determines the state of pods, process types and apps, and which apps need attention first.

// A state describes a pod or an app in a word or two. The tone is its color, which is never shown without the word.
type state struct{ Word, Tone string }

var (
	crashed     = state{"crashed", "bad"}
	missing     = state{"pods missing", "bad"}
	noPods      = state{"no pods seen", "bad"}
	unreadable  = state{"not readable", "unknown"}
	unread      = state{"not read yet", "unknown"}
	starting    = state{"starting", "busy"}
	running     = state{"running", "good"}
	stopped     = state{"stopped", "idle"}
	notDeployed = state{"not deployed", "idle"}
)

// urgency is the order in which apps need attention.
var urgency = []state{crashed, noPods, missing, unreadable, starting, unread, running, stopped, notDeployed}

func podState(p pods.Pod) state {
	switch p.State {
	case pods.StateUp:
		return state{"up", "good"}
	case pods.StateCrashed, pods.StateError:
		return state{p.State, "bad"}
	case pods.StateDown, pods.StateDestroyed:
		return state{p.State, "idle"}
	case "":
		return state{"unknown", "unknown"}
	}
	return state{visible(p.State), "busy"} // in transition: "initializing", "created", "starting", "terminating", …
}

// A process is one process type of an app.
type process struct {
	Type     string
	Want, Up int
	Auto     *settings.Autoscale // its bounds if it is autoscaled; then Want is the number of pods, within them
	Pods     []podView
}

type podView struct {
	pods.Pod
	State state
	Since time.Time
}

// processes groups the pods of an app by type, with the wanted numbers. Pods of one-off commands are ignored.
func processes(app snapshot.App) []process {
	byType := make(map[string]*process)
	of := func(procType string) *process {
		if byType[procType] == nil {
			byType[procType] = &process{Type: procType}
		}
		return byType[procType]
	}
	for procType, want := range app.Structure {
		of(procType).Want = want
	}
	for _, p := range app.Pods {
		if p.Type == "run" {
			continue
		}
		v := podView{Pod: p, State: podState(p), Since: p.Started.Time}
		if v.Since.IsZero() {
			v.Since = p.Created.Time
		}
		all := of(p.Type)
		if v.State.Tone == "good" {
			all.Up++
		}
		all.Pods = append(all.Pods, v)
	}
	if app.Setting != nil {
		for procType, bounds := range app.Setting.Autoscale {
			if p := byType[procType]; p != nil { // Controllers also keep bounds of types that do not exist
				p.Auto, p.Want = &bounds, min(max(countListed(app.Pods, procType), bounds.Min), bounds.Max)
			}
		}
	}
	var all []process
	for _, procType := range slices.Sorted(maps.Keys(byType)) {
		p := byType[procType]
		slices.SortFunc(p.Pods, func(a, b podView) int { return cmp.Or(a.Num-b.Num, strings.Compare(a.Name, b.Name)) })
		all = append(all, *p)
	}
	return all
}

// A health summarizes an app's processes.
type health struct {
	Up, Want int
	Dots     []string // the tone of each pod, also of missing ones; empty if there are too many to draw
	State    state
}

const mostDots = 12

func healthOf(app snapshot.App) health {
	var h health
	hasCrashed, busy, lacks := false, false, false
	for _, p := range processes(app) {
		h.Up, h.Want = h.Up+p.Up, h.Want+p.Want
		lacks = lacks || p.Up < p.Want
		for _, pod := range p.Pods {
			hasCrashed = hasCrashed || pod.State.Tone == "bad"
			busy = busy || pod.State.Tone == "busy"
			h.Dots = append(h.Dots, pod.State.Tone)
		}
		for range min(p.Want-len(p.Pods), mostDots+1) {
			h.Dots = append(h.Dots, "idle")
		}
	}
	if len(h.Dots) > mostDots {
		h.Dots = nil
	}
	switch {
	case app.Err != nil:
		h.State = unreadable
	case app.Read.IsZero():
		h.State = unread
	case hasCrashed:
		h.State = crashed
	case h.Want == 0 && (app.Release == nil || app.Release.Build == ""):
		h.State = notDeployed
	case h.Want == 0:
		h.State = stopped
	case !lacks:
		h.State = running
	case busy:
		h.State = starting
	case len(app.Pods) == 0:
		h.State = noPods // the Controller may be unable to reach Kubernetes; see pods.Service.List
	default:
		h.State = missing
	}
	return h
}

// flagsOf returns what an operator should know about an app besides its state.
func flagsOf(app snapshot.App) (flags []state) {
	if app.Failed != nil {
		flags = append(flags, state{fmt.Sprintf("v%d failed", app.Failed.Version), "bad"})
	}
	if app.Setting != nil && app.Setting.Maintenance {
		flags = append(flags, state{"maintenance", "busy"})
	}
	if app.Setting != nil && !app.Setting.Routable {
		flags = append(flags, state{"not routable", "busy"})
	}
	return flags
}

// needsAttention reports whether somebody should look at an app.
func needsAttention(h health, flags []state) bool {
	isBad := func(s state) bool { return s.Tone == "bad" }
	return isBad(h.State) || slices.ContainsFunc(flags, isBad)
}
