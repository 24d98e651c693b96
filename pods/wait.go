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

	// Want is how many pods of each type must be up, at least. 0 means that the Controller must list no pod of the type, in
	// any release: 2.x Controllers list only pods of the newest release that has not failed, so others may be left. If
	// Want is empty, all pods must be up, and there must be at least one.
	Want map[string]int

	Interval time.Duration // the first pause between two requests; 0 means one second. It grows to 5 seconds; see rest.Poll

	// Progress, if not nil, is called after each request that succeeds, with the pods that count: those of the types in
	// Want, or of all types if Want is empty, that are of Release, if it is set. A pod of a type of which Want wants 0
	// counts in every release.
	Progress func([]Pod)
}

// Reasons why WaitReady gives up. Match them with errors.Is.
var (
	// ErrCrashed means that one of the wanted pods crashed.
	ErrCrashed = errors.New("deis: a pod crashed")
	// ErrDestroyed means that not enough pods can still come up, because others are destroyed (API 1.6). Scale to 0 and
	// up again: scaling to the same number does nothing.
	ErrDestroyed = errors.New("deis: pods are destroyed: scale to 0 and up again")
)

// WaitReady waits until the wanted pods are up, and returns them. Only the context limits it. If the context ends first,
// the error says how many pods were up, and the states of the others. If one of the pods crashes, WaitReady fails at
// once, with an error that matches ErrCrashed. If the app is gone, the error matches rest.ErrNotFound. WaitReady
// survives temporary failures: a Controller that is down for up to five minutes, a response that is not the
// Controller's, a rate limit, an upgrade.
//
// Real 2.x Controllers list no pods while Kubernetes is down. So an empty list counts as "none left" only when it comes
// twice in a row.
func (s *Service) WaitReady(ctx context.Context, app string, o WaitOptions, opts ...rest.CallOption) ([]Pod, error) {
	if err := o.check(app); err != nil {
		return nil, err
	}
	var last []Pod
	empty, dead := 0, 0 // responses in a row
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

// count returns how often something was seen in a row, after n times before.
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

// relevant returns the pods that count. If none of a type may be left, its pods of every release count.
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

// tooFewLeft reports whether some pods are destroyed and the others are fewer than wanted.
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
