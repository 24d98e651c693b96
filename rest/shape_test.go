package rest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/rest"
)

// A labeled resource has fields that Controllers store unchecked.
type labeled struct {
	App    string            `json:"app" deis:"apps,part"`
	Name   string            `json:"name" deis:"labels"`
	Owner  string            `json:"owner"`
	Label  map[string]string `json:"label,omitempty" deis:"loose"`
	Counts map[string]int    `json:"counts" deis:"loose"`
}

func TestAResponseIsReadWhateverEntriesItsLooseFieldsHave(t *testing.T) {
	for body, want := range map[string]labeled{
		`{"name":"n","app":"a","owner":"o","label":{"x":"1"},"counts":{"web":1}}`: {"a", "n", "o", map[string]string{"x": "1"}, map[string]int{"web": 1}},
		`{"name":"n","app":"a","owner":"o","label":{"x":"1","y":5,"z":{"deep":[1]}},"counts":{"web":1}}`: {"a", "n", "o",
			map[string]string{"x": "1", "y": "5", "z": `{"deep":[1]}`}, map[string]int{"web": 1}},
		`{"name":"n","app":"a","label":{"x":"1"},"counts":{"web":1,"cmd":"2","run":1.5},"owner":"o"}`: {"a", "n", "o", map[string]string{"x": "1"}, map[string]int{"web": 1}},
		`{"name":"n","app":"a","label":["x"],"counts":{"cmd":"2"}}`:                                   {"a", "n", "", nil, nil},
		`{"name":"n","app":"a","label":"x"}`:                                                          {"a", "n", "", nil, nil},
		`{"name":"n","app":"a","counts":{"cmd":"2"},"label":null}`:                                    {"a", "n", "", nil, nil},
	} {
		got, err := rest.Get[labeled](t.Context(), newClient(t, always(200, body)), rest.Path("apps", "a", "labels", "n"))
		require.NoError(t, err, body)
		assert.Equal(t, &want, got, body)

		page, err := rest.List[labeled](t.Context(), newClient(t, always(200, `{"results":[`+body+` , `+body+`]}`)), rest.Path("apps", "a", "labels"), rest.ListOptions{})
		require.NoError(t, err, body)
		assert.Equal(t, []labeled{want, want}, page.Items, body)
	}
}

func TestFieldsThatAreNotLooseMustHaveTheRightType(t *testing.T) {
	for _, body := range []string{
		`{"name":"n","app":"a","owner":5}`,
		`{"name":"n","app":"a","owner":5,"label":{"x":5}}`,
		`{"name":"n","app":"a","label":{"x":5}`,
		`[{"label":{"x":5}}]`,
	} {
		_, err := rest.Get[labeled](t.Context(), newClient(t, always(200, body)), rest.Path("apps", "a", "labels", "n"))
		assert.ErrorContains(t, err, "the response cannot be read: ", body)
	}
}

func TestAResponseMustNameTheRequestedResource(t *testing.T) {
	for body, says := range map[string]string{
		`{"name":"n","app":"a"}`:     "",
		`{"name":"n"}`:               "the response is not what was asked for: it has no app",
		`{"name":"","app":"a"}`:      "the response is not what was asked for: it has no name",
		`{"app":"a"}`:                "the response is not what was asked for: it has no name",
		`{"name":"other","app":"a"}`: `the response is about another resource: its name is "other"`,
		`{"name":"n","app":"other"}`: `the response is about another resource: its app is "other"`,
	} {
		_, err := rest.Get[labeled](t.Context(), newClient(t, always(200, body)), rest.Path("apps", "a", "labels", "n"))
		if says == "" {
			assert.NoError(t, err, body)
		} else {
			assert.ErrorContains(t, err, "200 OK: "+says, body)
		}
	}
}

func TestAnItemOfAListMustNameItselfButNotWhatItBelongsTo(t *testing.T) {
	for item, says := range map[string]string{
		`{"name":"n"}`:               "",
		`{"name":"n","app":"a"}`:     "",
		`{"app":"a"}`:                "item 2 of the response is not what was asked for: it has no name",
		`{"name":"n","app":"other"}`: `item 2 of the response is about another resource: its app is "other"`,
	} {
		_, err := rest.List[labeled](t.Context(), newClient(t, always(200, `{"results":[{"name":"first"},`+item+`]}`)), rest.Path("apps", "a", "labels"), rest.ListOptions{})
		if says == "" {
			assert.NoError(t, err, item)
		} else {
			assert.ErrorContains(t, err, "200 OK: "+says, item)
		}
	}
}
