package builtin

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/graph"
)

// stepTable is what the steps of graph.StepTable do. Their words were checked.
func stepTable() map[string]change {
	return map[string]change{
		"select":      selectColumns,
		"reorder":     reorderColumns,
		"rename":      renameColumns,
		"merge":       mergeColumns,
		"cast":        castElements,
		"reshape":     reshapeTensor,
		"standardize": standardize,
		"minmax":      minmax,
		"clip":        clip,
		"onehot":      oneHot,
		"softmax":     softmax,
		"argmax":      argmax,
		"threshold":   threshold,
	}
}

func selectColumns(f *frame, words []string) error {
	order, err := f.places(words)
	if err != nil {
		return err
	}
	return f.pick(order)
}

// reorderColumns puts these columns first; the others follow in their order.
func reorderColumns(f *frame, words []string) error {
	order, err := f.places(words)
	if err != nil {
		return err
	}
	n, err := f.columns()
	if err != nil {
		return err
	}
	first := order
	for at := range n {
		if !slices.Contains(first, at) {
			order = append(order, at)
		}
	}
	return f.pick(order)
}

func renameColumns(f *frame, words []string) error {
	n, err := f.columns()
	if err != nil {
		return err
	}
	names := make([]string, n)
	for i := range names {
		names[i] = f.name(i)
	}
	for _, word := range words {
		old, name, _ := strings.Cut(word, "=")
		at, err := f.place(old)
		if err != nil {
			return err
		}
		names[at] = name
	}
	seen := make(map[string]bool, n)
	for _, name := range names {
		if seen[name] {
			return fmt.Errorf("two columns would have the name %q", name)
		}
		seen[name] = true
	}
	if f.one() {
		f.names = names
		return nil
	}
	for i := range f.tensors {
		f.tensors[i].Name = names[i]
	}
	return nil
}

func mergeColumns(f *frame, _ []string) error {
	t, names, err := f.merged()
	if err != nil {
		return err
	}
	if len(f.tensors) > 1 {
		f.names = names
	}
	f.tensors = []tensor.Tensor{t}
	return nil
}

func castElements(f *frame, words []string) error {
	dtype, _ := tensor.ParseDType(words[0])
	for i := range f.tensors {
		t, err := f.tensors[i].Typed()
		if err == nil {
			t, err = t.As(dtype)
		}
		if err != nil {
			return f.at(i, err)
		}
		f.set(i, t)
	}
	return nil
}

// reshapeTensor is of one tensor alone. A size of -1 is what the others leave.
func reshapeTensor(f *frame, words []string) error {
	if len(f.tensors) > 1 {
		return fmt.Errorf("there are %d tensors: want one", len(f.tensors))
	}
	shape, free, known := make([]int64, len(words)), -1, int64(1)
	for i, word := range words {
		shape[i], _ = strconv.ParseInt(word, 10, 64)
		if shape[i] < 0 {
			free = i
		} else {
			known *= shape[i]
		}
	}
	n := int64(f.tensors[0].Len())
	if free >= 0 {
		if known <= 0 || n%known != 0 {
			return fmt.Errorf("%d elements do not fill the shape %v", n, shape)
		}
		shape[free] = n / known
	}
	t, err := f.tensors[0].Reshape(shape)
	if err != nil {
		return err
	}
	f.set(0, t)
	return nil
}

// scaled changes numbers by the two lists of a step, of one number for all columns or
// one for each.
func scaled(f *frame, words []string, change func(v, a, b float64) float64) error {
	a, _ := graph.FloatList(words[0])
	b, _ := graph.FloatList(words[1])
	columns := max(len(a), len(b))
	return f.each(func(values []float64, width, offset int) error {
		have := width
		if !f.one() && len(f.tensors) > 1 {
			have = len(f.tensors)
		}
		if columns > 1 && columns != have {
			return fmt.Errorf("there are %d columns, and numbers for %d", have, columns)
		}
		for k := range values {
			at := offset
			if width > 0 {
				at += k % width
			}
			values[k] = change(values[k], a[min(at, len(a)-1)], b[min(at, len(b)-1)])
		}
		return nil
	})
}

func standardize(f *frame, words []string) error {
	return scaled(f, words, func(v, mean, deviation float64) float64 { return (v - mean) / deviation })
}

func minmax(f *frame, words []string) error {
	return scaled(f, words, func(v, least, most float64) float64 { return (v - least) / (most - least) })
}

// clip keeps the type of numbers, as NumPy does, where the ends are of it.
func clip(f *frame, words []string) error {
	return scaled(f, words, func(v, least, most float64) float64 {
		switch {
		case v < least:
			return least
		case v > most:
			return most
		}
		return v
	})
}

// softmax is along the last dimension.
func softmax(f *frame, _ []string) error {
	return f.each(func(values []float64, width, _ int) error {
		for start := 0; width > 0 && start+width <= len(values); start += width {
			row := values[start : start+width]
			most, sum := slices.Max(row), 0.0
			for k, v := range row {
				row[k] = math.Exp(v - most)
				sum += row[k]
			}
			for k := range row {
				row[k] /= sum
			}
		}
		return nil
	})
}

// argmax is along the last dimension: the number of the greatest, the first of
// several, or its class.
func argmax(f *frame, classes []string) error {
	for i := range f.tensors {
		t := &f.tensors[i]
		if t.Rank() == 0 || t.Shape[t.Rank()-1] == 0 {
			return f.at(i, fmt.Errorf("the shape %v has nothing to choose from", t.Shape))
		}
		width := int(t.Shape[t.Rank()-1])
		if len(classes) > 0 && len(classes) != width {
			return f.at(i, fmt.Errorf("there are %d scores, and %d classes", width, len(classes)))
		}
		values, err := finite(t)
		if err != nil {
			return f.at(i, err)
		}
		best := make([]int, len(values)/width)
		for row := range best {
			for k := range width {
				if values[row*width+k] > values[row*width+best[row]] {
					best[row] = k
				}
			}
		}
		chosen, err := labelled(t.Shape[:t.Rank()-1], best, classes)
		if err != nil {
			return f.at(i, err)
		}
		f.set(i, chosen)
	}
	return nil
}

// threshold tells numbers above a limit from all others: by 1 and 0, or by words.
func threshold(f *frame, words []string) error {
	limit, _ := strconv.ParseFloat(words[0], 64)
	for i := range f.tensors {
		values, err := finite(&f.tensors[i])
		if err != nil {
			return f.at(i, err)
		}
		above := make([]int, len(values))
		for k, v := range values {
			if v > limit {
				above[k] = 1
			}
		}
		told, err := labelled(f.tensors[i].Shape, above, words[1:])
		if err != nil {
			return f.at(i, err)
		}
		f.set(i, told)
	}
	return nil
}

// finite are numbers that can be compared: NaN is refused.
func finite(t *tensor.Tensor) ([]float64, error) {
	if err := t.RefuseNaN("NaN cannot be compared"); err != nil {
		return nil, err
	}
	return t.Float64s()
}

// labelled is a tensor of whole numbers, or of the labels that they are the numbers
// of.
func labelled(shape []int64, numbers []int, labels []string) (tensor.Tensor, error) {
	if len(labels) == 0 {
		raw := make([]byte, 0, 8*len(numbers))
		for _, n := range numbers {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(n)) //nolint:gosec // they are not negative
		}
		return tensor.New(tensor.Int64, shape, raw)
	}
	elems := make([][]byte, len(numbers))
	for i, n := range numbers {
		elems[i] = []byte(labels[n])
	}
	return tensor.NewBytes(shape, elems)
}

// oneHotBytes is what an element of a new column takes: two numbers, one after the
// other, and the text in a message.
const oneHotBytes = 24

// oneHot puts a column for each value in the place of a column: 1 where it has the
// value, else 0. A value that is not listed has none, as of scikit-learn's
// OneHotEncoder with handle_unknown="ignore".
func oneHot(f *frame, words []string) error {
	at, err := f.place(words[0])
	if err != nil {
		return err
	}
	column, err := f.column(at)
	if err != nil {
		return err
	}
	name := f.name(at)
	if err := column.RefuseNaN("NaN is no value"); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	alike, err := tensor.Alike([]tensor.Tensor{column})
	if err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	values, rows := words[1:], column.Len()
	if err := f.take(int64(rows) * int64(len(values)) * oneHotBytes); err != nil {
		return err
	}
	numbers, names := make(map[string]int, len(values)), make([]string, len(values))
	for i, value := range values {
		numbers[value], names[i] = i, name+"_"+value
	}
	hot := make([]float64, rows*len(values))
	for k := range rows {
		if i, ok := numbers[alike[0].Text(k)]; ok {
			hot[k*len(values)+i] = 1
		}
	}
	made := tensor.FromFloats("", floatType(&column), []int64{int64(rows), int64(len(values))}, hot)
	return f.insert(at, made, names)
}
