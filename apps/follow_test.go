package apps_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/internal/exchange"
	"github.com/deisgo/deis/version"
)

// following runs a story with an app whose log is empty, in API 1.6 and 2.2, in fake time.
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
			for n := 4; n <= 60; n += 3 { // more lines than one request returns, but fewer than that between two
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

func TestFollowKeepsRepeatedLines(t *testing.T) {
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

func TestFollowReportsAGapAndContinues(t *testing.T) {
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

func TestFollowEndsAtAGapIfTheLoopBreaks(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		write(t, controller, 1, 2)
		time.AfterFunc(500*time.Millisecond, func() { write(t, controller, 3, 20) })
		var got []string
		for line, err := range client.Apps.Follow(t.Context(), "example-go", apps.FollowOptions{Lines: 5}) {
			if err != nil {
				assert.EqualError(t, err, apps.ErrGap.Error()+": app example-go")
				break
			}
			got = append(got, line)
		}
		assert.Equal(t, numbered(1, 2), got)
	})
}

func TestFollowEndsWithItsContextBetweenTwoRequests(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		write(t, controller, 1, 1)
		before := len(controller.Requests())
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		start := time.Now()
		var got []string
		var failures []error
		for line, err := range client.Apps.Follow(ctx, "example-go", apps.FollowOptions{}) {
			if err != nil {
				failures = append(failures, err)
				continue
			}
			got = append(got, line)
		}
		assert.Equal(t, numbered(1, 1), got)
		require.Len(t, failures, 1)
		assert.EqualError(t, failures[0], "deis: following the log of app example-go: context canceled")
		assert.ErrorIs(t, failures[0], context.Canceled)
		assert.Equal(t, 500*time.Millisecond, time.Since(start))
		assert.Len(t, controller.Requests(), before+1)
	})
}

func TestFollowPollsLessOftenWhileNoLinesCome(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		before := len(controller.Requests())
		for range client.Apps.Follow(ctx, "example-go", apps.FollowOptions{}) {
			continue
		}
		// Every second for the first ten seconds; after that each pause is a tenth of the time waited.
		assert.Less(t, len(controller.Requests())-before, 32)
	})
}

func TestFollowSendsNothingUntilRangedOverAndCanBeRangedOverTwice(t *testing.T) {
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

func TestFollowReportsAGapAfterAnEmptyLog(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, client *deis.Client) {
		time.AfterFunc(500*time.Millisecond, func() { write(t, controller, 1, 20) })
		var got []string
		gaps := 0
		for line, err := range client.Apps.Follow(t.Context(), "example-go", apps.FollowOptions{Lines: 5}) {
			if err != nil {
				require.ErrorIs(t, err, apps.ErrGap)
				gaps++
				continue
			}
			if got = append(got, line); len(got) == 5 {
				break
			}
		}
		assert.Equal(t, 1, gaps, "15 lines were missed")
		assert.Equal(t, numbered(16, 20), got)
	})
}

func TestFollowYieldsLinesWithoutLineEndings(t *testing.T) {
	client := exchange.Client(t, "2.2",
		exchange.On("GET /v2/apps/example-go/logs/?log_lines=100", "", 200, "one\r\ntwo\n").Header("Content-Type", "text/plain"))
	var got []string
	for line, err := range client.Apps.Follow(t.Context(), "example-go", apps.FollowOptions{}) {
		require.NoError(t, err)
		if got = append(got, line); len(got) == 2 {
			break
		}
	}
	assert.Equal(t, []string{"one", "two"}, got)
}

func TestFollowContinuesAfterTemporaryFailures(t *testing.T) {
	following(t, func(t *testing.T, controller *deistest.Controller, _ *deis.Client) {
		requests := 0
		client, err := deis.New("http://deis.example.com", deis.WithToken(controller.Token()), deis.WithRetry(deis.RetryPolicy{}),
			deis.WithTransport(exchange.RoundTrip(func(req *http.Request) (*http.Response, error) {
				if requests++; strings.HasSuffix(req.URL.Path, "/logs/") {
					switch requests {
					case 3:
						return foreign(404, `{"message":"no Route matched"}`), nil
					case 4:
						return foreign(200, "<title>Sign in</title>"), nil
					case 5:
						return nil, io.ErrUnexpectedEOF
					case 6:
						resp := foreign(429, "")
						resp.Header.Set("Retry-After", "20")
						return resp, nil
					}
				}
				return controller.Transport().RoundTrip(req)
			})))
		require.NoError(t, err)
		write(t, controller, 1, 1)
		time.AfterFunc(2*time.Second, func() { write(t, controller, 2, 2) })
		var got []string
		for line, err := range client.Apps.Follow(t.Context(), "example-go", apps.FollowOptions{}) {
			require.NoError(t, err)
			if got = append(got, line); len(got) == 2 {
				break
			}
		}
		assert.Equal(t, numbered(1, 2), got)
	})
}

// foreign returns a response of something between the client and the Controller.
func foreign(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

func TestFollowEndsWithTheFirstPermanentFailure(t *testing.T) {
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
			var refused error
			for _, err := range client.Apps.Follow(t.Context(), "example-go", o) {
				refused = err
				break
			}
			assert.ErrorIs(t, refused, deis.ErrInvalidArgument)
		}
	})
}
