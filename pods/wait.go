package pods

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deisgo/deis/rest"
)

// WaitOptions say what to wait for.
type WaitOptions struct {
	Release  int            // only pods of this release count; 0 for any
	Want     map[string]int // how many shall be up of each type; if it is empty, all there are, and at least one
	Interval time.Duration  // how often to look; a second if it is 0

	// Progress is told after each look which of the pods that count there are, if it is not nil.
	Progress func([]Pod)
}

// defaultInterval is short beside the seconds that a pod takes to start, and long for a Controller to answer.
const defaultInterval = time.Second

// maxFailures is how many looks in a row may fail, each of which was tried again already. A Controller that restarts is
// back by then, a minute later.
const maxFailures = 30

// ErrCrashed says that a pod that was waited for crashed. Match it with errors.Is.
var ErrCrashed = errors.New("deis: a pod crashed")

// WaitReady waits until the wanted pods are up, and returns them. Otherwise it returns no pods, and an error that says
// how many were up: when the context ends, and at once when one of the pods crashed, which matches ErrCrashed. A
// Controller that does not answer for a while, or with a 5xx, or is upgraded, does not end it; the app's being gone does.
func (s *Service) WaitReady(ctx context.Context, app string, o WaitOptions, opts ...rest.CallOption) ([]Pod, error) {
	if err := o.check(app); err != nil {
		return nil, err
	}
	tick := time.NewTicker(cmp.Or(o.Interval, defaultInterval))
	defer tick.Stop()
	var last []Pod
	failures := 0
	for {
		all, err := rest.Collect(s.All(ctx, app, ListOptions{}, opts...))
		switch {
		case err == nil:
			failures = 0
			last = o.relevant(all)
			if o.Progress != nil {
				o.Progress(last)
			}
			if crashed := slices.IndexFunc(last, Pod.crashed); crashed >= 0 {
				return nil, fmt.Errorf("%w: pod %s of app %s is %s: %s", ErrCrashed, last[crashed].Name, app, last[crashed].State, o.state(last))
			}
			if o.ready(last) {
				return last, nil
			}
		case ctx.Err() != nil: // told below
		case !passing(err) || failures == maxFailures:
			return nil, err
		default:
			failures++
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("deis: waiting for the pods of app %s: %s: %w", app, o.state(last), ctx.Err())
		}
	}
}

// passing tells whether a failed look says nothing about the pods: the Controller, or the way to it, is down, or the 404 is
// that of a router, or of a Controller that was upgraded.
func passing(err error) bool {
	var failed *rest.Error
	if !errors.As(err, &failed) {
		return false
	}
	gone := errors.Is(err, rest.ErrNotFound) && bytes.HasPrefix(failed.Body, []byte("{"))
	return failed.StatusCode == 0 || failed.StatusCode >= 500 || failed.StatusCode == http.StatusNotFound && !gone
}

func (o WaitOptions) check(app string) error {
	if err := checkNumbers(app, "wanted number", o.Want); err != nil {
		return err
	}
	switch {
	case o.Release < 0:
		return rest.InvalidArgument("release", "must not be negative")
	case o.Interval < 0:
		return rest.InvalidArgument("interval", "must not be negative")
	}
	return nil
}

// relevant keeps the pods that are waited for.
func (o WaitOptions) relevant(all []Pod) []Pod {
	return slices.DeleteFunc(all, func(p Pod) bool {
		_, wanted := o.Want[p.Type]
		return len(o.Want) > 0 && !wanted || o.Release > 0 && p.Release != "v"+strconv.Itoa(o.Release)
	})
}

func (o WaitOptions) ready(pods []Pod) bool {
	up := countUp(pods)
	if len(o.Want) == 0 {
		return len(pods) > 0 && up[""] == len(pods)
	}
	for procType, number := range o.Want {
		if up[procType] != number {
			return false
		}
	}
	return true
}

// state tells how far the pods are, "web 1 of 3 up".
func (o WaitOptions) state(pods []Pod) string {
	up := countUp(pods)
	if len(o.Want) == 0 {
		return fmt.Sprintf("%d of %d up", up[""], len(pods))
	}
	var parts []string
	for _, procType := range slices.Sorted(maps.Keys(o.Want)) {
		parts = append(parts, fmt.Sprintf("%s %d of %d up", procType, up[procType], o.Want[procType]))
	}
	return strings.Join(parts, ", ")
}

// countUp counts the pods that are up, for each type and, under "", in all.
func countUp(pods []Pod) map[string]int {
	up := make(map[string]int)
	for _, p := range pods {
		if p.State == "up" {
			up[p.Type]++
			up[""]++
		}
	}
	return up
}

// crashed tells whether a pod will not come up any more by itself.
func (p Pod) crashed() bool { return p.State == "crashed" || p.State == "error" }
