package pods

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/deisgo/deis/rest"
)

// WaitOptions say what to wait for.
type WaitOptions struct {
	Release int // only pods of this release count; 0 for any

	// Want is how many pods of each type shall be up: at least so many, or for 0 none left of any release. If it is empty,
	// all pods that there are shall be up, and at least one.
	Want map[string]int

	Interval time.Duration // between two looks at first; a second if it is 0. It grows to 5 seconds; see rest.Poll

	// Progress is called after each look with the pods that count, if it is not nil.
	Progress func([]Pod)
}

// Reasons why WaitReady gives up. Match them with errors.Is.
var (
	// ErrCrashed says that a pod that was waited for crashed.
	ErrCrashed = errors.New("deis: a pod crashed")
	// ErrDestroyed says that too few pods are left to come up, because others are destroyed (API 1.6). Scale to 0 and up
	// again: scaling to the same number does nothing.
	ErrDestroyed = errors.New("deis: pods are destroyed: scale to 0 and up again")
)

// WaitReady waits until the wanted pods are up, and returns them. Otherwise it returns no pods, and an error that says how
// many were up and the states of the others: when the context ends, and at once when one of the pods crashed, which
// matches ErrCrashed. Whatever says nothing about the pods does not end it: a Controller that is down for up to five
// minutes, a response of something else, a rate limit, an upgrade. That the app is gone does, with rest.ErrNotFound.
//
// Real 2.x Controllers show no pods at all while Kubernetes is down. So an empty list counts as "none left" only when it
// is seen twice in a row.
func (s *Service) WaitReady(ctx context.Context, app string, o WaitOptions, opts ...rest.CallOption) ([]Pod, error) {
	if err := o.check(app); err != nil {
		return nil, err
	}
	var last []Pod
	empty, dead := 0, 0 // looks in a row
	err := rest.Poll(ctx, o.Interval, func(ctx context.Context) (bool, error) {
		all, err := rest.Collect(s.All(ctx, app, ListOptions{}, opts...))
		if err != nil {
			return false, err
		}
		last = o.relevant(all)
		if o.Progress != nil {
			o.Progress(last)
		}
		if i := slices.IndexFunc(last, Pod.crashed); i >= 0 {
			return false, fmt.Errorf("%w: pod %s of app %s is %s: %s", ErrCrashed,
				rest.Sanitize(last[i].Name), app, rest.Sanitize(last[i].State), Describe(last, o.Want))
		}
		if dead = count(dead, o.tooFewLeft(last)); dead == 2 {
			return false, fmt.Errorf("%w: app %s: %s", ErrDestroyed, app, Describe(last, o.Want))
		}
		empty = count(empty, len(all) == 0)
		return o.ready(last) && empty != 1, nil
	})
	switch {
	case err == nil:
		return last, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("deis: waiting for the pods of app %s: %s: %w", app, Describe(last, o.Want), err)
	}
	return nil, err
}

// count counts how often something was seen in a row.
func count(n int, seen bool) int {
	if seen {
		return n + 1
	}
	return 0
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

// relevant keeps the pods that are waited for. Of a type that shall be gone those of every release are.
func (o WaitOptions) relevant(all []Pod) []Pod {
	return slices.DeleteFunc(all, func(p Pod) bool {
		number, wanted := o.Want[p.Type]
		if wanted && number == 0 {
			return false
		}
		return len(o.Want) > 0 && !wanted || o.Release > 0 && p.Release != "v"+strconv.Itoa(o.Release)
	})
}

func (o WaitOptions) ready(pods []Pod) bool {
	if len(o.Want) == 0 {
		return len(pods) > 0 && countUp(pods) == len(pods)
	}
	for procType, number := range o.Want {
		own := ofType(pods, procType)
		if number == 0 && slices.ContainsFunc(own, func(p Pod) bool { return !p.destroyed() }) || countUp(own) < number {
			return false
		}
	}
	return true
}

// tooFewLeft reports whether the pods that are not destroyed cannot be enough, and some are destroyed.
func (o WaitOptions) tooFewLeft(pods []Pod) bool {
	for procType, number := range o.Want {
		own := ofType(pods, procType)
		left := len(own)
		for _, p := range own {
			if p.destroyed() {
				left--
			}
		}
		if left < number && left < len(own) {
			return true
		}
	}
	return false
}
