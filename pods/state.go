package pods

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deisgo/deis/rest"
)

// The most frequent states of a pod. Controllers have more; a pod in any other state may still come up.
const (
	StateUp           = "up"
	StateInitialized  = "initialized" // v1.6: made, but not placed on a host
	StateCreated      = "created"     // v1.6: placed on a host, but not started
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

// Ending reports whether the pod is stopping or gone.
func (p Pod) Ending() bool {
	return p.State == StateTerminating || p.State == StateDown || p.State == StateDestroyed
}

// crashed reports whether the pod has failed to run.
func (p Pod) crashed() bool { return p.State == StateCrashed || p.State == StateError }

// destroyed reports whether the pod is gone for good. v1.6 Controllers can list such pods after a scale. Only scaling
// to 0 and up again replaces them.
func (p Pod) destroyed() bool { return p.State == StateDestroyed }

// Describe returns how many of the wanted pods are up, and the states of those that are not:
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

// others returns the names and states of the pods that are not up.
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
