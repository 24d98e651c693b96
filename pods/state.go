package pods

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deisgo/deis/rest"
)

// The states of a pod that programs meet most. Controllers have more; a pod of any other state may still come up.
const (
	StateUp           = "up"
	StateInitialized  = "initialized" // v1.6: made, but not on a host yet
	StateCreated      = "created"     // v1.6: on a host, but not started
	StateInitializing = "initializing"
	StateCreating     = "creating"
	StateStarting     = "starting"
	StateTerminating  = "terminating"
	StateDown         = "down"
	StateCrashed      = "crashed"
	StateError        = "error"
	StateDestroyed    = "destroyed" // v1.6
)

// Up reports whether the pod runs.
func (p Pod) Up() bool { return p.State == StateUp }

// crashed reports whether the pod has failed to run.
func (p Pod) crashed() bool { return p.State == StateCrashed || p.State == StateError }

// destroyed reports whether the pod is gone for good. v1.6 Controllers list such pods where a scale has left them: only
// scaling to 0 and up again makes new ones.
func (p Pod) destroyed() bool { return p.State == StateDestroyed }

// Describe says how far the wanted pods are, and the states of those that are not up:
//
//	web 1 of 2 up (web.2 is initialized), worker 1 of 1 up
func Describe(pods []Pod, want map[string]int) string {
	var parts []string
	for _, procType := range slices.Sorted(maps.Keys(want)) {
		own := ofType(pods, procType)
		parts = append(parts, fmt.Sprintf("%s %d of %d up%s", rest.Sanitize(procType), countUp(own), want[procType], others(own)))
	}
	if len(want) == 0 {
		parts = []string{fmt.Sprintf("%d of %d up%s", countUp(pods), len(pods), others(pods))}
	}
	return strings.Join(parts, ", ")
}

// others lists the pods that are not up, with their states.
func others(pods []Pod) string {
	const most = 5
	var names []string
	for _, p := range pods {
		if !p.Up() {
			names = append(names, rest.Sanitize(p.Name)+" is "+rest.Sanitize(p.State))
		}
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) > most:
		names = append(names[:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func ofType(pods []Pod, procType string) []Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p Pod) bool { return p.Type != procType })
}

func countUp(pods []Pod) int {
	up := 0
	for _, p := range pods {
		if p.Up() {
			up++
		}
	}
	return up
}
