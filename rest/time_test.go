package rest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
)

func TestTimeReadsEveryFormThatControllersWrite(t *testing.T) {
	for text, want := range map[string]time.Time{
		`"2014-01-01T00:00:00UTC"`:           time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC),
		`"2014-01-01T00:00:00Z"`:             time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC),
		`"2014-01-01T00:00:00"`:              time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC),
		`"2016-02-09T20:03:19.601Z"`:         time.Date(2016, 2, 9, 20, 3, 19, 601e6, time.UTC),
		`"2016-02-09T20:03:19.601234UTC"`:    time.Date(2016, 2, 9, 20, 3, 19, 601234e3, time.UTC),
		`"2016-02-09T20:03:19.601234"`:       time.Date(2016, 2, 9, 20, 3, 19, 601234e3, time.UTC),
		`"2016-02-09T20:03:19+02:00"`:        time.Date(2016, 2, 9, 18, 3, 19, 0, time.UTC),
		`"2016-02-09T20:03:19.601234-05:30"`: time.Date(2016, 2, 10, 1, 33, 19, 601234e3, time.UTC),
		`null`:                               {},
		`""`:                                 {},
	} {
		got := rest.Time{Time: time.Unix(1, 0)}
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		assert.Equal(t, want, got.Time, text) // the zone too: always UTC
	}
	var absent struct{ Created rest.Time }
	require.NoError(t, json.Unmarshal([]byte(`{}`), &absent))
	assert.True(t, absent.Created.IsZero())
}

func TestTimeRefusesEveryOtherForm(t *testing.T) {
	for _, text := range []string{
		`"yesterday"`, `"UTC"`, `"Z"`, `"2014-01-01"`, `"2014-13-01T00:00:00Z"`, `"2014-01-01T25:00:00UTC"`, `"2014-01-01 00:00:00"`,
		`"2014-01-01T00:00:00ZZ"`, `"2014-01-01T00:00:00CET"`, `"2014-01-01T00:00:00+"`, `"-"`, `5`, `true`, `{}`, `[]`, `"é"`,
	} {
		var got rest.Time
		err := json.Unmarshal([]byte(text), &got)
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), "is not a time")
		assert.Zero(t, got, text)
	}
}

func TestTimeIsWrittenAsRFC3339InUTC(t *testing.T) {
	east := time.FixedZone("", 2*60*60)
	for want, at := range map[string]time.Time{
		`"2016-02-09T18:03:19Z"`:     time.Date(2016, 2, 9, 20, 3, 19, 0, east),
		`"2016-02-09T18:03:19.601Z"`: time.Date(2016, 2, 9, 18, 3, 19, 601e6, time.UTC),
		`null`:                       {},
	} {
		got, err := json.Marshal(rest.Time{Time: at})
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
		var again rest.Time
		require.NoError(t, json.Unmarshal(got, &again))
		assert.True(t, at.Equal(again.Time), "%s came back as %s", at, again)
	}
}
