package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"

	"github.com/prime-radiant/radiant/expand"
)

const (
	// licence of Radiant, by its SPDX name.
	licence = "Apache-2.0"
	// sbomVersion is read by the scanners in use.
	sbomVersion = cyclonedx.SpecVersion1_6
)

// describe writes the SBOM of one program, in CycloneDX's JSON: the modules
// that the Go linker put into it, the Go library, and the certificates beside
// it, if there are any. That is all that is run.
func describe(b *binary, authorities []byte, created time.Time) ([]byte, error) {
	sum := sha256.Sum256(b.content)
	main := cyclonedx.Component{
		Type: cyclonedx.ComponentTypeApplication, BOMRef: b.program.name, Name: b.program.title, Version: expand.Version,
		Description: b.program.description,
		Licenses:    &cyclonedx.Licenses{{License: &cyclonedx.License{ID: licence}}},
		Hashes:      hashes(sum[:]),
		PackageURL:  packageURL(b.info.Main.Path, "v"+expand.Version) + "?goos=" + b.platform.OS + "&goarch=" + b.platform.Architecture,
		ExternalReferences: &[]cyclonedx.ExternalReference{
			{Type: cyclonedx.ERTypeVCS, URL: repository},
		},
	}
	components := []cyclonedx.Component{library("std", strings.TrimPrefix(b.info.GoVersion, "go"))}
	for _, m := range b.info.Deps {
		components = append(components, module(m))
	}
	slices.SortFunc(components, func(x, y cyclonedx.Component) int { return strings.Compare(x.BOMRef, y.BOMRef) })
	if len(authorities) > 0 {
		sum = sha256.Sum256(authorities)
		components = append(components, cyclonedx.Component{
			Type: cyclonedx.ComponentTypeFile, BOMRef: "ca-certificates", Name: defaultAuthorities, Hashes: hashes(sum[:]),
		})
	}
	refs := make([]string, len(components))
	for i := range components {
		refs[i] = components[i].BOMRef
	}

	bom := cyclonedx.NewBOM()
	bom.SerialNumber = uuid.NewSHA1(uuid.NameSpaceURL, b.content).URN()
	bom.Metadata = &cyclonedx.Metadata{Timestamp: created.Format(time.RFC3339), Component: &main}
	bom.Components = &components
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: main.BOMRef, Dependencies: &refs}}
	var out bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, sbomVersion)
	if err != nil {
		return nil, fmt.Errorf("writing the SBOM: %w", err)
	}
	return out.Bytes(), nil
}

func module(m *debug.Module) cyclonedx.Component {
	if m.Replace != nil {
		m = m.Replace
	}
	return library(m.Path, m.Version)
}

func library(path, version string) cyclonedx.Component {
	url := packageURL(path, version)
	return cyclonedx.Component{
		Type: cyclonedx.ComponentTypeLibrary, BOMRef: url, Name: path, Version: version, PackageURL: url,
		Scope: cyclonedx.ScopeRequired,
	}
}

// packageURL names a Go module as vulnerability databases do.
func packageURL(path, version string) string {
	return "pkg:golang/" + strings.ToLower(path) + "@" + strings.ReplaceAll(version, "+", "%2B")
}

func hashes(sum []byte) *[]cyclonedx.Hash {
	return &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
}
