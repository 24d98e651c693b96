package version_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/version"
)

func TestParseReadsWhatControllersWrite(t *testing.T) {
	for text, want := range map[string]version.API{
		"1.6":  version.V1_6,
		"2.2":  version.V2_2,
		"2.10": {Major: 2, Minor: 10},
		"10.0": {Major: 10},
		"0.1":  {Minor: 1},
	} {
		got, err := version.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
		assert.Equal(t, text, got.String())
	}
}

func TestParseRefusesEveryOtherForm(t *testing.T) {
	for _, text := range []string{
		"", ".", "2", "2.", ".2", "v2.2", "2.2.0", "2.2-beta", "+2.2", "2.+2", "-2.2", "2.-2", " 2.2", "2.2 ", "2. 2", "2,2", "two.two",
		"0x2.2", "1_0.2", "2.2\n", "\x00", "２.２", "70000.1", "99999999999999999999.1", "2.99999999999999999999", strings.Repeat("2", 1<<16) + ".2",
	} {
		got, err := version.Parse(text)
		require.Error(t, err, "%.40q", text)
		assert.Zero(t, got, "%.40q", text)
		assert.Contains(t, err.Error(), "is not an API version", "%.40q", text)
	}
}

func TestVersionsAreOrderedByNumberNotByText(t *testing.T) {
	ascending := []version.API{{}, {Minor: 9}, {Major: 1}, version.V1_6, {Major: 1, Minor: 10}, {Major: 2}, version.V2_2,
		{Major: 2, Minor: 9}, {Major: 2, Minor: 10}, {Major: 10}, {Major: math.MaxInt, Minor: math.MaxInt}}
	for i, v := range ascending {
		for j, w := range ascending {
			assert.Equal(t, min(max(i-j, -1), 1), v.Compare(w), "%s, %s", v, w)
			assert.Equal(t, i >= j, v.AtLeast(w), "%s, %s", v, w)
		}
	}
}

func TestNegotiateKeepsTheMajorAndTakesTheLowerMinor(t *testing.T) {
	for _, c := range []struct{ situation, server, client, want string }{
		{"both speak the same", "2.2", "", "2.2"},
		{"the server is newer", "2.4", "", "2.3"},
		{"the server is newer by number, but not as text", "2.10", "", "2.3"},
		{"the server is as new", "2.3", "", "2.3"},
		{"the server is older", "2.1", "", "2.1"},
		{"the server is the first of its major", "2.0", "", "2.0"},
		{"an old server", "1.6", "", "1.6"},
		{"an old server, of a newer minor version", "1.7", "", "1.6"},
		{"an old server, of an older minor version", "1.3", "", "1.3"},
		{"a client of one version", "2.3", "2.2", "2.2"},
		{"a client of several minor versions takes the best", "2.7", "2.9 2.2 2.5", "2.7"},
		{"a client of several major versions", "3.4", "1.6 2.2 3.1", "3.1"},
		{"a client whose minor versions are all older", "2.7", "2.5 2.2", "2.5"},
	} {
		got, err := version.Negotiate(parse(t, c.server), parseAll(t, c.client)...)
		require.NoError(t, err, c.situation)
		assert.Equal(t, c.want, got.String(), c.situation)
	}
}

func TestNegotiateRefusesAnotherMajor(t *testing.T) {
	for _, c := range []struct{ server, client, says string }{
		{"3.0", "", "the Controller speaks API 3.0, this client 1.6 and 2.3"},
		{"0.9", "", "the Controller speaks API 0.9, this client 1.6 and 2.3"},
		{"20.2", "", "the Controller speaks API 20.2, this client 1.6 and 2.3"},
		{"1.6", "2.2", "the Controller speaks API 1.6, this client 2.2"},
	} {
		got, err := version.Negotiate(parse(t, c.server), parseAll(t, c.client)...)
		assert.Zero(t, got)
		var mismatch *version.MismatchError
		require.ErrorAs(t, err, &mismatch, c.server)
		assert.Equal(t, c.server, mismatch.Server.String())
		assert.NotEmpty(t, mismatch.Client)
		assert.Contains(t, err.Error(), c.says)
		assert.NotErrorIs(t, err, errors.ErrUnsupported)
	}
}

func TestUnsupportedErrorSaysWhatIsMissing(t *testing.T) {
	var err error = &version.UnsupportedError{Operation: "whoami", Have: version.V1_6, Need: version.V2_2}
	assert.EqualError(t, err, "deis: API 2.2 is needed for whoami, but the Controller speaks 1.6")
	assert.ErrorIs(t, err, errors.ErrUnsupported)
	assert.NotErrorIs(t, err, errors.New("another"))
}

func parse(t *testing.T, text string) version.API {
	t.Helper()
	v, err := version.Parse(text)
	require.NoError(t, err)
	return v
}

func parseAll(t *testing.T, texts string) (all []version.API) {
	t.Helper()
	for text := range strings.FieldsSeq(texts) {
		all = append(all, parse(t, text))
	}
	return all
}
