package cli

import (
	"io"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/version"
)

// What a log of the Static Analysis Results Interchange Format, version 2.1.0,
// says of itself.
const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	// document is the rule of what is wrong with no single field.
	document = "document"
	homepage = "https://github.com/prime-radiant/radiant"
)

type sarifLog struct {
	Version string     `json:"version"`
	Schema  string     `json:"$schema"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations,omitempty"`
}

type sarifLocation struct {
	Physical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	} `json:"physicalLocation"`
	Logical []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
}

// writeSARIF prints what editors and code scanning read. A rule is a field, so
// that what is said of one field can be silenced in whatever reads the log.
func (f findings) writeSARIF(w io.Writer) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "radiant", Version: version.Number, InformationURI: homepage, Rules: []sarifRule{}}
	for _, p := range f.shown() {
		id := ruleOf(p)
		i := slices.IndexFunc(run.Tool.Driver.Rules, func(r sarifRule) bool { return r.ID == id })
		if i < 0 {
			i = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{id, sarifText{"What is wrong with " + id}})
		}
		result := sarifResult{RuleID: id, RuleIndex: i, Level: p.Severity.String(), Message: sarifText{p.Message}}
		if p.File != "" {
			result.Locations = []sarifLocation{locationOf(p)}
		}
		run.Results = append(run.Results, result)
	}
	return writeIndented(w, sarifLog{sarifVersion, sarifSchema, []sarifRun{run}})
}

// ruleOf is the problem's field without numbers and keys, at whatever depth of a
// graph it stands.
func ruleOf(p v1.Problem) string {
	field := regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(p.Path, "")
	for strings.Contains(field, ".children.children") {
		field = strings.ReplaceAll(field, ".children.children", ".children")
	}
	if field == "" {
		return document
	}
	return field
}

func locationOf(p v1.Problem) sarifLocation {
	var at sarifLocation
	at.Physical.Artifact.URI = (&url.URL{Path: filepath.ToSlash(p.File)}).String()
	if filepath.IsAbs(p.File) {
		at.Physical.Artifact.URI = (&url.URL{Scheme: "file", Path: filepath.ToSlash(p.File)}).String()
	}
	if p.Line > 0 {
		at.Physical.Region = &sarifRegion{p.Line, max(p.Column, 1)}
	}
	if p.Path != "" {
		at.Logical = []sarifLogical{{p.Path}}
	}
	return at
}
