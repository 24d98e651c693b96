package deistest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis/internal/lines"
)

func TestTheGuideShowsCodeThatIsTested(t *testing.T) {
	guide, err := os.ReadFile("../docs/testing.md")
	lines.SkipOutsideTheRepository(t, err)
	require.NoError(t, err)
	source, err := os.ReadFile("guide_test.go")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(guide, -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		assert.True(t, strings.Contains(string(source), string(block[1])),
			"docs/testing.md has code that is not in deistest/guide_test.go:\n%s", block[1])
	}
}
