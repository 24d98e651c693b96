package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
	"github.com/deisgo/deis/version"
)

// This file says of an error what happened, and what to do.

// An advice is an error for people.
type advice struct {
	What   string // in one sentence
	Do     string // in one or two
	Detail string // the error itself
	Link   string // where to go, or empty
	LinkTo string // what that link says
	Status int    // of the dashboard's own response
}

// explain says what an error means that came up with an app, or with none if app is "".
func explain(err error, app string) advice {
	a := advice{Detail: visible(err.Error()), Status: http.StatusBadGateway}
	var failed *deis.Error
	var mismatch *version.MismatchError
	switch isError := errors.As(err, &failed); {
	case errors.Is(err, deis.ErrInvalidArgument):
		a.Status = http.StatusBadRequest
		a.What, a.Do = "That cannot be asked for.", "Nothing was sent. Correct what the message below names."
	case errors.As(err, &mismatch):
		a.What = "The Controller speaks a version of the API that this dashboard does not."
		a.Do = "Use a dashboard that is built with a newer version of the SDK."
	case errors.Is(err, context.DeadlineExceeded):
		a.What = "The Controller does not respond in time."
		a.Do = "It may be busy. If this lasts, look at the Controller itself and at what is between."
	case !isError:
		a.What, a.Do = "Something went wrong.", "The message below says what."
	case failed.StatusCode == 0:
		a.What = "The Controller does not respond."
		a.Do = "Check that it runs, and that it can be reached from where the dashboard runs."
	case !failed.FromController():
		a.What = "Something else responds in the Controller's place."
		a.Do = "It may be a gateway, a sign-in page or a wrong address. Check the Controller's URL, and what is between."
	case errors.Is(err, deis.ErrUnauthorized):
		a.What = "The Controller refused the token."
		a.Do = "It may have been regenerated. Start the dashboard again with another: log in with deis login, set DEIS_TOKEN, or use -username."
	case errors.Is(err, deis.ErrForbidden):
		a.Status = http.StatusForbidden
		a.What = "The dashboard's user may not do that."
		a.Do = "Ask the owner of the app or an administrator, or start the dashboard with another user's token."
	case errors.Is(err, deis.ErrNotFound) && app != "":
		a.Status = http.StatusNotFound
		a.What = fmt.Sprintf("There is no app %s, or what was asked for of it.", visible(app))
		a.Do = "It may have been destroyed, or the dashboard's user may not see it."
		a.Link, a.LinkTo = listQuery{Text: app}.path(), "Search all apps for it"
	case errors.Is(err, deis.ErrRateLimited):
		a.What, a.Do = "The Controller wants fewer requests.", "The dashboard waits as long as it says. A lower -requests prevents this."
	case failed.Temporary():
		a.What, a.Do = "The Controller has trouble of its own.", "The same can succeed later. If this lasts, look at the Controller's log."
	default:
		a.What, a.Do = "The Controller refused it.", "The message below says why."
	}
	if isError := errors.As(err, &failed); isError && failed.MayHaveActed() {
		a.Do = "It may have been carried out all the same: look at the app before you repeat it. " + a.Do
	}
	return a
}

// A notice is what a page says above everything: nothing can be read at present.
type notice struct {
	advice
	Age string // of what is shown, "" if nothing is
	In  string // how long until the next attempt
}

// noticeOf describes trouble; age is as of when the page is, zero if it shows nothing.
func noticeOf(t *snapshot.Trouble, asOf time.Time) *notice {
	if t == nil {
		return nil
	}
	n := &notice{advice: explain(t.Err, "")}
	if !asOf.IsZero() {
		n.Age = lasting(time.Since(asOf))
	}
	if wait := time.Until(t.Next); wait > time.Second {
		n.In = "in " + lasting(wait)
	} else {
		n.In = "now"
	}
	return n
}
