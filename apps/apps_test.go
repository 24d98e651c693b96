package apps_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/internal/exchange"
)

func TestRunReadsBothForms(t *testing.T) {
	want := &apps.RunResult{ExitCode: 3, Output: "no\n"}
	for api, answer := range map[string]string{"1.6": `[3, "no\n"]`, "2.2": `{"exit_code": 3, "output": "no\n"}`} {
		client := exchange.Client(t, api, exchange.On("POST /v"+api[:1]+"/apps/example-go/run/", `{"command":"false"}`, 200, answer))
		got, err := client.Apps.Run(t.Context(), "example-go", "false")
		require.NoError(t, err, api)
		assert.Equal(t, want, got, api)
	}
}
