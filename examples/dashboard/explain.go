package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
	"github.com/deisgo/deis/version"
)

// This file explains errors: what happened, and what to do.

// An advice explains an error to people.
type advice struct {
	What   string // in one sentence
	Do     string // in one or two
	Detail string // the error itself
	Link   string // where to go, or empty
	LinkTo string // the text of the link
	Status int    // of the dashboard's own response
}

// explain explains an error of a call about an app, or about none if app is "".
func explain(err error, app string) advice {
	a := advice{Detail: visible(err.Error()), Status: http.StatusBadGateway}
	var failed *deis.Error
	var mismatch *version.MismatchError
	switch isError := errors.As(err, &failed); {
	case errors.Is(err, deis.ErrInvalidArgument):
		a.Status = http.StatusBadRequest
		a.What, a.Do = "The request is not valid.", "Nothing was sent to the Controller. Correct what the message below names."
	case errors.As(err, &mismatch):
		a.What = "The Controller speaks a version of the API that this dashboard does not."
		a.Do = "Use a dashboard that was built with a newer version of the SDK."
	case errors.Is(err, context.DeadlineExceeded):
		a.What = "The Controller did not respond in time."
		a.Do = "It may be busy. If this persists, check the Controller and the network in between."
	case !isError:
		a.What, a.Do = "Something went wrong.", "The message below says what."
	case failed.StatusCode == 0:
		a.What = "The Controller does not respond."
		a.Do = "Check that it is running and that the dashboard's host can reach it."
	case !failed.FromController():
		a.What = "Something other than the Controller responded."
		a.Do = "It may be a gateway or a sign-in page. Check the Controller's URL and what is between it and the dashboard."
	case errors.Is(err, deis.ErrUnauthorized):
		a.What = "The Controller refused the token."
		a.Do = "It may have been regenerated. Restart the dashboard with a valid one: log in with deis login, set DEIS_TOKEN, or use -username."
	case errors.Is(err, deis.ErrForbidden):
		a.Status = http.StatusForbidden
		a.What = "The dashboard's user may not do that."
		a.Do = "Ask the owner of the app or an administrator, or start the dashboard with another user's token."
	case errors.Is(err, deis.ErrNotFound) && app != "" && !isAboutApp(failed):
		a.Status = http.StatusNotFound
		a.What, a.Do = "The Controller did not find what was requested.", "The app may not have it any more. The message below says what it is."
	case errors.Is(err, deis.ErrNotFound) && app != "":
		a.Status = http.StatusNotFound
		a.What = fmt.Sprintf("There is no app named %s.", visible(app))
		a.Do = "It may have been destroyed, or the dashboard's user may not see it."
		a.Link, a.LinkTo = listQuery{Text: app}.path(), "Search all apps for it"
	case errors.Is(err, deis.ErrRateLimited):
		a.What, a.Do = "The Controller got too many requests.", "The dashboard waits as long as the Controller says. A lower -requests prevents this."
	case failed.Temporary():
		a.What, a.Do = "The Controller has a temporary problem.", "The request may succeed later. If this persists, look at the Controller's log."
	default:
		a.What, a.Do = "The Controller refused the request.", "The message below says why."
	}
	if isError := errors.As(err, &failed); isError && failed.MayHaveActed() {
		a.Do = "The change may have been made anyway: check the app before you repeat it. " + a.Do
	}
	return a
}

// isAboutApp reports whether a response of 404 means that the app does not exist: it is the response to a read of the app,
// or of a list of what it has.
func isAboutApp(failed *deis.Error) bool {
	_, of, found := strings.Cut(failed.Path, "/apps/")
	return found && failed.Method == http.MethodGet && strings.Count(strings.Trim(of, "/"), "/") <= 1
}

// A notice is at the top of a page while nothing can be read.
type notice struct {
	advice
	Age string // of what the page shows, "" if it shows nothing
	In  string // when the next attempt is
}

// noticeOf describes trouble. asOf is the time of what the page shows, zero if it shows nothing.
func noticeOf(t *snapshot.Trouble, asOf time.Time) *notice {
	if t == nil {
		return nil
	}
	n := &notice{advice: explain(t.Err, "")}
	if !asOf.IsZero() {
		n.Age = duration(time.Since(asOf))
	}
	if wait := time.Until(t.Next); wait > time.Second {
		n.In = "in " + duration(wait)
	} else {
		n.In = "now"
	}
	return n
}
