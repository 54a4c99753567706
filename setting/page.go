package setting

import (
	"fmt"
	"slices"
	"strings"
)

// Fill returns a page of Markdown with its tables written anew from settings.
// What stands between the lines
//
//	<!-- settings: GROUP -->
//	<!-- end -->
//
// becomes the table of the group. Each group of settings has to have its place
// on the page, and each place its group.
func Fill(page string, settings []Setting) (string, error) {
	const begin, end = "<!-- settings: ", "<!-- end -->\n"
	var out strings.Builder
	groups := Groups(settings)
	for {
		before, rest, ok := strings.Cut(page, begin)
		out.WriteString(before)
		if !ok {
			break
		}
		group, rest, ok := strings.Cut(rest, " -->\n")
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return "", fmt.Errorf("the place of settings %.40q has no end; write %q", group, end)
		}
		i := slices.Index(groups, group)
		if i < 0 {
			return "", fmt.Errorf("there are no settings of the group %q, or it has two places", group)
		}
		groups = slices.Delete(groups, i, i+1)
		out.WriteString(begin + group + " -->\n" + Table(of(settings, group)) + end)
		page = after
	}
	if len(groups) > 0 {
		return "", fmt.Errorf("the page has no place for the settings of %s; write %s%s -->", strings.Join(groups, ", "), begin, groups[0])
	}
	return out.String(), nil
}

// Groups lists the groups of settings in their order.
func Groups(settings []Setting) []string {
	var groups []string
	for _, s := range settings {
		if !slices.Contains(groups, s.Group) {
			groups = append(groups, s.Group)
		}
	}
	return groups
}

func of(settings []Setting, group string) []Setting {
	return slices.DeleteFunc(slices.Clone(settings), func(s Setting) bool { return s.Group != group })
}

// Table writes settings as a table of Markdown, with a column for each way of
// giving them that one of them has.
func Table(settings []Setting) string {
	columns := slices.DeleteFunc([]column{
		{"flag", func(s Setting) string { return code(dashed(s.Flag)) }},
		{"variable", func(s Setting) string { return code(s.Variable) }},
		{"annotation", func(s Setting) string { return code(s.Annotation) }},
		{"parameter", func(s Setting) string { return code(s.Parameter) }},
		{"type", func(s Setting) string { return s.Type }},
		{"default", func(s Setting) string { return code(s.Value) }},
		{"values", func(s Setting) string { return s.Bounds }},
	}, func(c column) bool {
		return !slices.ContainsFunc(settings, func(s Setting) bool { return c.of(s) != "" })
	})
	columns = append(columns, column{"", func(s Setting) string { return s.Doc }})
	var out strings.Builder
	row := func(cell func(c column) string) {
		for _, c := range columns {
			out.WriteString("| ")
			if text := cell(c); text != "" {
				out.WriteString(strings.ReplaceAll(text, "|", `\|`) + " ")
			}
		}
		out.WriteString("|\n")
	}
	row(func(c column) string { return c.head })
	out.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
	for _, s := range settings {
		row(func(c column) string { return c.of(s) })
	}
	return out.String()
}

type column struct {
	head string
	of   func(Setting) string
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func dashed(flag string) string {
	if flag == "" {
		return ""
	}
	return "--" + flag
}
