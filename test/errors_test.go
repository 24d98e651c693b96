package test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/auth"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deploy"
	"github.com/deisgo/deis/domains"
	"github.com/deisgo/deis/keys"
	"github.com/deisgo/deis/perms"
	"github.com/deisgo/deis/pods"
	"github.com/deisgo/deis/releases"
	"github.com/deisgo/deis/rest"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/tls"
)

// exportedErrors are all error variables that the module exports, except the aliases in package deis.
var exportedErrors = map[string]error{
	"apps.ErrExists": apps.ErrExists, "apps.ErrGap": apps.ErrGap,
	"auth.ErrInvalidCredentials": auth.ErrInvalidCredentials, "auth.ErrUsernameTaken": auth.ErrUsernameTaken, "auth.ErrOwnsApps": auth.ErrOwnsApps,
	"auth.ErrOwnsRecords":  auth.ErrOwnsRecords,
	"builds.ErrInProgress": builds.ErrInProgress, "builds.ErrNotLatest": builds.ErrNotLatest,
	"certs.ErrExists":     certs.ErrExists,
	"config.ErrUnchanged": config.ErrUnchanged, "config.ErrNotSet": config.ErrNotSet, "config.ErrInProgress": config.ErrInProgress,
	"deploy.ErrSuperseded": deploy.ErrSuperseded, "deploy.ErrTimeout": deploy.ErrTimeout, "deploy.ErrUndone": deploy.ErrUndone,
	"domains.ErrTaken":       domains.ErrTaken,
	"keys.ErrTaken":          keys.ErrTaken,
	"perms.ErrAmbiguousName": perms.ErrAmbiguousName,
	"pods.ErrDestroyed":      pods.ErrDestroyed, "pods.ErrCrashed": pods.ErrCrashed, "pods.ErrNothingRestarted": pods.ErrNothingRestarted, "pods.ErrNotScaled": pods.ErrNotScaled,
	"releases.ErrInitial": releases.ErrInitial, "releases.ErrFailed": releases.ErrFailed,
	"settings.ErrUnchanged": settings.ErrUnchanged, "settings.ErrNotSet": settings.ErrNotSet,
	"tls.ErrUnchanged":   tls.ErrUnchanged,
	"rest.ErrBadRequest": rest.ErrBadRequest, "rest.ErrUnauthorized": rest.ErrUnauthorized, "rest.ErrForbidden": rest.ErrForbidden,
	"rest.ErrNotFound": rest.ErrNotFound, "rest.ErrMethodNotAllowed": rest.ErrMethodNotAllowed, "rest.ErrConflict": rest.ErrConflict,
	"rest.ErrUnprocessable": rest.ErrUnprocessable, "rest.ErrRateLimited": rest.ErrRateLimited, "rest.ErrServer": rest.ErrServer,
	"rest.ErrUnavailable": rest.ErrUnavailable, "rest.ErrInvalidArgument": rest.ErrInvalidArgument, "rest.ErrNotController": rest.ErrNotController, "rest.ErrUpgraded": rest.ErrUpgraded,
}

func TestEveryExportedErrorComparesAndServesAsAMapKey(t *testing.T) {
	names := make(map[error]string)
	for name, err := range exportedErrors {
		assert.NotPanics(t, func() { names[err] = name }, name)
		fake := func() error { return err }
		assert.True(t, fake() == err, "%s is not equal to itself when a fake returns it", name)
		assert.ErrorIs(t, fmt.Errorf("deploy: %w", err), err)
	}
	assert.Len(t, names, len(exportedErrors), "two of the errors are equal")
	assert.True(t, deis.ErrNotFound == rest.ErrNotFound, "an alias in package deis is not equal to the error in rest")
}

func TestEveryExportedErrorIsInTheTable(t *testing.T) {
	declared := 0
	for file := range importsOf(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), path.Join("..", file), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR || parsed.Name.Name == "main" || parsed.Name.Name == "deis" {
				continue
			}
			for _, spec := range group.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					if strings.HasPrefix(name.Name, "Err") {
						assert.Contains(t, exportedErrors, parsed.Name.Name+"."+name.Name)
						declared++
					}
				}
			}
		}
	}
	assert.Equal(t, len(exportedErrors), declared)
}
