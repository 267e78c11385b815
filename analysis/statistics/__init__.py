"""Statistics of simulation output: intervals, batches, comparisons, selection and stopping; arrays in, numbers out."""
