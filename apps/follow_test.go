package apps_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// following runs a story with an app whose log is empty, in both versions, in time that is not real.
func following(t *testing.T, story func(t *testing.T, controller *deistest.Controller, client *deis.Client)) {
	for _, api := range []version.API{version.V1_6, version.V2_2} {
		t.Run(api.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				controller := deistest.New(deistest.WithAPIVersion(api))
				client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithTransport(controller.Transport()))
				require.NoError(t, err)
				_, err = client.Apps.Create(t.Context(), apps.CreateParams{ID: "example-go"})
				require.NoError(t, err)
				require.NoError(t, controller.ClearLogs("example-go"))
				story(t, controller, client)
			})
		})
	}
}

// write adds numbered lines to the log, from the first number to the last.
func write(t *testing.T, controller *deistest.Controller, first, last int) {
	for n := first; n <= last; n++ {
		require.NoError(t, controller.AddLog("example-go", fmt.Sprintf("example-go[web.1]: line %d", n)))
	}
}

func numbered(first, last int) []string {
	var lines []string
	for n := first; n <= last; n++ {
		lines = append(lines, fmt.Sprintf("example-go[web.1]: line %d", n))
	}
	return lines
}

func TestFollowYieldsEveryLineOnce(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		write(t, controller, 1, 3)
		go func() {
			for n := 4; n <= 60; n += 3 { // more lines than one question gets, but fewer between two
				time.Sleep(700 * time.Millisecond)
				write(t, controller, n, n+2)
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var got []string
		for line, err := range client.Apps.Follow(ctx, "example-go", apps.FollowOptions{Lines: 10}) {
			if err != nil {
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				break
			}
			got = append(got, line)
		}
		assert.Equal(t, numbered(1, 60), got)
	})
}

func TestFollowKeepsLinesThatAreTheSame(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		go func() {
			for range 5 {
				time.Sleep(time.Second)
				assert.NoError(t, controller.AddLog("example-go", "tick"))
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		count := 0
		for line, err := range client.Apps.Follow(ctx, "example-go", apps.FollowOptions{}) {
			if err != nil {
				break
			}
			assert.Equal(t, "tick", line)
			count++
		}
		assert.Equal(t, 5, count)
	})
}

func TestFollowReportsAGapAndGoesOn(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		write(t, controller, 1, 2)
		go func() {
			time.Sleep(1500 * time.Millisecond)
			write(t, controller, 3, 20)
		}()
		var got []string
		gaps := 0
		for line, err := range client.Apps.Follow(t.Context(), "example-go", apps.FollowOptions{Lines: 5}) {
			if err != nil {
				require.ErrorIs(t, err, apps.ErrGap)
				gaps++
				continue
			}
			if got = append(got, line); line == "example-go[web.1]: line 20" {
				break
			}
		}
		assert.Equal(t, 1, gaps)
		assert.Equal(t, slices.Concat(numbered(1, 2), numbered(16, 20)), got)
	})
}

func TestFollowAsksMoreSeldomWhileNothingComes(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		before := len(controller.Requests())
		for range client.Apps.Follow(ctx, "example-go", apps.FollowOptions{}) {
			continue
		}
		// At 0, 2, 6, 14, 22, 30, 38, 46 and 54 seconds.
		assert.Equal(t, 9, len(controller.Requests())-before)
	})
}

func TestFollowCanBeRangedOverTwiceAndAsksNothingBefore(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		write(t, controller, 1, 2)
		before := len(controller.Requests())
		lines := client.Apps.Follow(t.Context(), "example-go", apps.FollowOptions{})
		assert.Len(t, controller.Requests(), before)
		for range 2 {
			for line, err := range lines {
				require.NoError(t, err)
				assert.Equal(t, "example-go[web.1]: line 1", line)
				break
			}
		}
	})
}

func TestFollowEndsWithTheFirstFailure(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		write(t, controller, 1, 1)
		var failures []error
		for _, err := range client.Apps.Follow(t.Context(), "example-go", apps.FollowOptions{}) {
			if err != nil {
				failures = append(failures, err)
				continue
			}
			require.NoError(t, client.Apps.Delete(t.Context(), "example-go"))
		}
		require.Len(t, failures, 1)
		assert.ErrorIs(t, failures[0], deis.ErrNotFound)
	})
}

func TestFollowRefusesNegativeOptions(t *testing.T) {
	following(t, func(t *testing.T, _ *deistest.Controller, client *deis.Client) {
		for _, o := range []apps.FollowOptions{{Lines: -1}, {Interval: -time.Second}} {
			for _, err := range client.Apps.Follow(t.Context(), "example-go", o) {
				assert.ErrorIs(t, err, deis.ErrInvalidArgument)
			}
		}
	})
}
