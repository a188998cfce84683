import { IMAGE_SETTINGS } from '../model-config/image-settings.js';
import { textFlag } from '../settings/flag.js';

const GROUP = 'A model in a file';

/** Of commands that take a model file outside of a repository. */
export const MODEL_FILE_FLAGS = {
  config: textFlag({
    name: 'config',
    group: GROUP,
    fallback: '',
    fallbackText: 'the one beside the version folder that the file lies in, if any',
    placeholder: 'FILE',
    help: "The model's config.pbtxt (.json, .yaml): how pictures become its input, names of classes.",
  }),
  image: textFlag({
    name: 'image',
    group: GROUP,
    repeatable: true,
    fallback: '',
    placeholder: 'SETTING=VALUE',
    help: `How pictures become the input where no configuration says so, or says otherwise: format (NCHW, NHWC), or a setting that image.* parameters have (${IMAGE_SETTINGS.join(', ')}).`,
  }),
} as const;
