package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

// A target is the Controller to deploy to, and the user to deploy as.
type target struct {
	controller, username, profile, caFile string

	embedded bool
	api      version.API // of the embedded one
}

// check returns what is wrong with the flags and the environment. It sends nothing.
func (t *target) check() error {
	given := 0
	for _, flag := range []bool{t.controller != "" || t.username != "", t.profile != "", t.embedded} {
		if flag {
			given++
		}
	}
	controller := os.Getenv("DEIS_CONTROLLER")
	switch {
	case given > 1:
		return misuse("use only one of -profile, -embedded, and -controller or -username")
	case t.username != "" && cmp.Or(t.controller, controller) == "":
		return misuse("-username needs -controller, or DEIS_CONTROLLER in the environment")
	case t.username != "" && os.Getenv("DEIS_PASSWORD") == "":
		return misuse("-username needs DEIS_PASSWORD in the environment")
	case t.username != "" || t.controller == "":
		return nil
	case os.Getenv("DEIS_TOKEN") == "":
		return misuse("-controller needs DEIS_TOKEN in the environment, or -username")
	case controller != "" && strings.TrimSuffix(controller, "/") != strings.TrimSuffix(t.controller, "/"):
		return misuse("-controller and DEIS_CONTROLLER differ: DEIS_TOKEN is for only one of them")
	}
	return nil
}

// connect returns a client, and a function to call when the client is no longer needed. It sends nothing unless it logs in.
func (t *target) connect(ctx context.Context, dump io.Writer) (*deis.Client, func(), error) {
	options, err := t.options(dump)
	if err != nil {
		return nil, nil, err
	}
	done := func() {}
	var client *deis.Client
	switch {
	case t.embedded:
		server := deistest.NewServer(deistest.WithAPIVersion(t.api), deistest.WithStartDelay(time.Second))
		done = server.Close
		client, err = deis.New(server.URL, append(options, deis.WithToken(server.Token))...)
	case t.profile != "":
		client, err = deis.FromProfile(t.profile, options...)
	case t.username != "":
		client, err = deis.Login(ctx, cmp.Or(t.controller, os.Getenv("DEIS_CONTROLLER")), t.username, os.Getenv("DEIS_PASSWORD"), options...)
		if err != nil && !errors.Is(err, deis.ErrInvalidArgument) {
			return nil, nil, fmt.Errorf("logging in as %s: %w", t.username, err)
		}
	case t.controller != "":
		client, err = deis.New(t.controller, append(options, deis.WithToken(os.Getenv("DEIS_TOKEN")))...)
	default:
		client, err = deis.FromEnv(options...)
	}
	if err != nil {
		return nil, nil, usageError{err}
	}
	return client, done, nil
}

func (t *target) options(dump io.Writer) ([]deis.Option, error) {
	options := []deis.Option{deis.WithApplication("deis-deploy", toolVersion())}
	if dump != nil {
		options = append(options, deis.WithDump(dump))
	}
	if t.caFile == "" {
		return options, nil
	}
	data, err := os.ReadFile(t.caFile)
	if err != nil {
		return nil, usageError{err}
	}
	authorities, err := x509.SystemCertPool()
	if err != nil {
		authorities = x509.NewCertPool()
	}
	if !authorities.AppendCertsFromPEM(data) {
		return nil, misuse("-ca-file %s: it has no PEM certificate", t.caFile)
	}
	return append(options, deis.WithTLSConfig(&tls.Config{RootCAs: authorities})), nil
}
