package main

import (
	"context"
	"io"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
)

func TestItRunsWithTheCredentialsThatItPrints(t *testing.T) {
	for _, api := range []string{"1.6", "2.2"} {
		t.Run(api, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			reader, writer := io.Pipe()
			ended := make(chan error, 1)
			go func() { ended <- run(ctx, writer, options{addr: "127.0.0.1:0", api: api}) }()

			printed := make([]byte, 4096) // it prints all at once
			n, err := reader.Read(printed)
			require.NoError(t, err)
			found := regexp.MustCompile(`DEIS_CONTROLLER=(\S+) DEIS_TOKEN=(\S+)`).FindSubmatch(printed[:n])
			require.NotNil(t, found, "%s", printed[:n])
			client, err := deis.New(string(found[1]), deis.WithToken(string(found[2])))
			require.NoError(t, err)
			app, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"})
			require.NoError(t, err)
			assert.Equal(t, "admin", app.Owner)
			spoken, err := client.Negotiate(ctx)
			require.NoError(t, err)
			assert.Equal(t, api, spoken.String())

			stop()
			assert.NoError(t, <-ended)
		})
	}
}

func TestAWrongAddressOrVersionIsAnError(t *testing.T) {
	assert.Error(t, run(t.Context(), io.Discard, options{addr: "no address", api: "2.2"}))
	assert.Error(t, run(t.Context(), io.Discard, options{addr: "127.0.0.1:0", api: "3.0"}))
	assert.Error(t, run(t.Context(), io.Discard, options{addr: "127.0.0.1:0", api: "x"}))
}
